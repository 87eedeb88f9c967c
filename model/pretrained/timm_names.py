"""What the names of timm's models tell that their tensors do not: heads, and details of norms."""

from __future__ import annotations

import re

from model.pretrained.refusals import PLAIN, refused_name
from service.errors import InvalidInput

HEADS: dict[str, int] = {
    "tiny": 3, "xsmall": 4, "wee": 4, "little": 5, "small": 6, "medium": 8, "mediumd": 8,
    "betwixt": 10, "base": 12, "so150m": 14, "so150m2": 13, "large": 16, "huge": 16, "giant": 16,
    "gigantic": 16, "so400m": 16,
}  # fmt: skip
PLUS_HEADS = 14  # vit_base_patch16_plus and its kin are wider
BASE_GAP = re.compile(r"^vit_base_patch16_gap_")  # an odd one
BASE_GAP_HEADS = 16
TEST_HEADS = {"test_vit": 2, "test_vit2": 2}
NAME = re.compile(r"^(?:vit|deit3?|flexivit|eva)_([a-z0-9]+?)(?:_(?:distilled_)?patch\d+_.*)?$")
USUAL_HEAD_WIDTH = 64


def plain_name(architecture: str) -> str:
    """Give a name without the tag that says how it was trained.

    Raises InvalidInput with the reason where it is not the name of a plain ViT.
    """
    name = architecture.rpartition("/")[2].partition(".")[0]
    if reason := refused_name(name):
        raise InvalidInput(f"{name} cannot be served: {reason}; {PLAIN}")
    if heads_of(name) is None:
        raise InvalidInput(
            f"{name} cannot be served: it is not a plain ViT of timm's that is known here; "
            f"names begin with vit_, deit_, deit3_, flexivit_ or eva_large_ and one of "
            f"{', '.join(HEADS)}"
        )
    return name


def heads_of(name: str) -> int | None:
    """Give the attention heads of a plain ViT of timm's; None where the name is none of these."""
    if name in TEST_HEADS:
        return TEST_HEADS[name]
    if BASE_GAP.match(name):
        return BASE_GAP_HEADS
    found = NAME.match(name)
    if not found or (name.startswith("eva_") and found[1] != "large"):
        return None
    return PLUS_HEADS if "_plus_" in name else HEADS.get(found[1])


def is_pooled_by_mean(name: str) -> bool:
    """Tell whether models of a name read the mean of the patches, class token or not."""
    return "_gap_" in name or name.startswith("eva_large")
