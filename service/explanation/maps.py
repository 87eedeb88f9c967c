"""Maps over the patches, made of the arrays that the graphs give for one image.

Attention is [L, H, N, N] with rows that sum to 1 (row: query, column: key). A map is [rows,
columns], one score a patch; class token and registers are left out.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from service.architecture import Architecture, Pooling
from service.engine import Floats

Sign = Literal["positive", "negative", "both"]
Fusion = Literal["mean", "max", "min"]
READ: dict[Pooling, tuple[int | Literal["patches"], ...]] = {  # a token, or the patches' mean
    "class_token": (0,),
    "mean": ("patches",),
    "class_token_and_mean": (0, "patches"),
    "class_and_distillation_token": (0, 1),
}
HIGH_NORM_SPREADS = 6  # median absolute deviations


def readout_share(architecture: Architecture) -> Floats:
    """Give every token's share in the readout: [N], with the sum 1.

    That is the class token alone, or all patches alike; of a readout of two parts, each has half.
    """
    parts = np.zeros((len(READ[architecture.pooling]), architecture.tokens), np.float32)
    for part, what in zip(parts, READ[architecture.pooling], strict=True):
        if what == "patches":
            part[architecture.prefix_tokens :] = 1 / architecture.patches
        else:
            part[what] = 1
    share: Floats = parts.mean(axis=0)
    return share


def patch_map(tokens: Floats, architecture: Architecture) -> Floats:
    """Lay scores of all tokens [N] out over the patches [rows, columns]."""
    return tokens[architecture.prefix_tokens :].reshape(architecture.grid)


def signed_relevance(relevance: Floats, counter: Floats, sign: Sign) -> Floats:
    """Choose what speaks for a class, against it, or the one minus the other."""
    if sign == "both":
        return relevance - counter
    return relevance if sign == "positive" else counter


def fuse_heads(attention: Floats, fusion: Fusion) -> Floats:
    """Join the heads of attention [..., H, N, N]: [..., N, N]."""
    if fusion == "mean":
        joined: Floats = attention.mean(axis=-3)
    else:
        joined = attention.max(axis=-3) if fusion == "max" else attention.min(axis=-3)
    return joined


def discard_weakest(attention: Floats, ratio: float, architecture: Architecture) -> Floats:
    """Drop the weakest share of the patches in each row of [..., N], and let the rest sum to 1."""
    dropped = int(ratio * architecture.patches)
    if not dropped:
        return attention
    kept = attention.copy()
    patches = kept[..., architecture.prefix_tokens :]
    weakest = np.argpartition(patches, dropped - 1, axis=-1)[..., :dropped]
    np.put_along_axis(patches, weakest, 0, axis=-1)
    total = kept.sum(axis=-1, keepdims=True)
    rescaled: Floats = np.divide(kept, total, out=np.zeros_like(kept), where=total > 0)
    return rescaled


def attention_rollout(
    attention: Floats,
    architecture: Architecture,
    *,
    start_layer: int = 0,
    fusion: Fusion = "mean",
    discard_ratio: float = 0,
) -> Floats:
    """Give the flow of attention from the patches to the readout, half of it through residuals.

    It is followed from the last layer back to `start_layer`.
    """
    scores = readout_share(architecture)
    for heads in attention[start_layer:][::-1]:
        weights = discard_weakest(fuse_heads(heads, fusion), discard_ratio, architecture)
        scores = (scores + scores @ weights) * np.float32(0.5)
    return patch_map(scores, architecture)


def attention_of_layer(
    attention: Floats,
    architecture: Architecture,
    *,
    layer: int | None = None,
    head: int | None = None,
    fusion: Fusion = "mean",
    discard_ratio: float = 0,
) -> Floats:
    """Give what the readout attends to in one layer, the last by default.

    It is that of one head, or of all joined by `fusion`.
    """
    heads = attention[-1 if layer is None else layer]
    weights = fuse_heads(heads, fusion) if head is None else heads[head]
    kept = discard_weakest(weights, discard_ratio, architecture)
    return patch_map(readout_share(architecture) @ kept, architecture)


def high_norm_patches(token_norms: Floats) -> int:
    """Count the patches whose token is longer than the median by more than 6 MAD.

    Such tokens hold what belongs to the whole picture; where a map points at them it says nothing
    of that place (Darcet et al., Vision Transformers Need Registers, ICLR 2024).
    """
    median = np.median(token_norms)
    spread = np.median(np.abs(token_norms - median))
    return int((token_norms > median + HIGH_NORM_SPREADS * spread).sum()) if spread > 0 else 0
