"""Position embeddings for another grid of patches than the one that they were learned on."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

Grid = tuple[int, int]


def resized_positions(
    positions: Tensor, before: Grid, after: Grid, antialias: bool = True
) -> Tensor:
    """Give position embeddings [1, p + n', d] for `after` from those [1, p + n, d] for `before`.

    Both are grids, (rows, columns) of patches.
    The grid is resampled like a picture of d channels, bicubic; the p rows before it, as the class
    token's, have no place in a picture and stay. `antialias` widens the filter where the grid
    shrinks. Source: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, section 3.2.

    Raises ValueError where there are fewer rows than patches.
    """
    prefix = positions.shape[1] - before[0] * before[1]
    if prefix < 0:
        raise ValueError(
            f"{positions.shape[1]} position embeddings are fewer than the patches of a grid of "
            f"{before[0]} x {before[1]}"
        )
    if before == after:
        return positions
    kept, grid = positions[:, :prefix], positions[:, prefix:]
    picture = grid.reshape(1, *before, -1).permute(0, 3, 1, 2)  # [1, d, rows, columns]
    resized = functional.interpolate(
        picture.float(), size=after, mode="bicubic", align_corners=False, antialias=antialias
    )
    patches = resized.flatten(2).transpose(1, 2).to(positions.dtype)  # [1, n', d]
    return torch.cat([kept, patches], dim=1)
