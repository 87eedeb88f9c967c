"""Learning rates that fall from the head to the patches: early layers hold what carries over.

Sources: Clark et al., "ELECTRA", ICLR 2020; Bao et al., "BEiT", ICLR 2022.
"""

from __future__ import annotations

from collections.abc import Iterable

BLOCKS = "blocks."
AFTER_BLOCKS = ("norm.", "fc_norm.", "head.")


def layer_scales(names: Iterable[str], layer_decay: float) -> dict[str, float]:
    """Give the share of the learning rate that each parameter of a ViT takes, by its name.

    With L blocks: the head and the last norm take 1, block i (from 0) takes
    `layer_decay` ^ (L - i), and everything before the blocks `layer_decay` ^ (L + 1).
    """
    names = list(names)
    depth = 1 + max((block_number(name) for name in names if name.startswith(BLOCKS)), default=-1)
    return {name: layer_decay ** (depth + 1 - layer_number(name, depth)) for name in names}


def layer_number(name: str, depth: int) -> int:
    """Give 0 for a parameter before the blocks, 1 to `depth` for one of them, then one more."""
    if name.startswith(BLOCKS):
        return 1 + block_number(name)
    return depth + 1 if name.startswith(AFTER_BLOCKS) else 0


def block_number(name: str) -> int:
    """Give 3 for "blocks.3.norm1.weight"."""
    return int(name.split(".")[1])
