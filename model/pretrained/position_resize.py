"""Resizes learned position embeddings to another grid, as the source's own library does it.

timm's `resample_abs_pos_embed` and transformers' DINOv2 with registers filter before they sample
(antialias); transformers' ViT, DeiT and DINOv2 do not. All are bicubic, in float32, between the
centres of the patches, and leave the positions of the tokens before the patches as they are.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

Grid = tuple[int, int]


def resized_positions(positions: Tensor, before: Grid, after: Grid, *, antialias: bool) -> Tensor:
    """Resize the patches' positions [1, rows x columns, d] from one grid to another."""
    if before == after:
        return positions
    width = positions.shape[-1]
    as_picture = positions.float().reshape(1, *before, width).permute(0, 3, 1, 2)
    resized = functional.interpolate(
        as_picture, size=after, mode="bicubic", align_corners=False, antialias=antialias
    )
    return resized.permute(0, 2, 3, 1).reshape(1, -1, width)  # [1, rows' x columns', d]
