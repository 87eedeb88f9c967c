"""Random changes of a batch of images, on the device where it lies."""

from __future__ import annotations

import torch
from torch import Tensor


def random_flip(images: Tensor) -> Tensor:
    """Mirror each image [B, c, S, S] left to right with probability one half."""
    flipped = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    return torch.where(flipped, images.flip(3), images)


def random_shift(images: Tensor, pixels: int) -> Tensor:
    """Move each image by up to `pixels` in both directions; the uncovered border is mirrored."""
    batch, channels, rows, columns = images.shape
    padded = torch.nn.functional.pad(images, (pixels,) * 4, mode="reflect")
    device = images.device
    top, left = torch.randint(0, 2 * pixels + 1, (2, batch, 1), device=device)
    row = (top + torch.arange(rows, device=device))[:, None, :, None]
    column = (left + torch.arange(columns, device=device))[:, None, None, :]
    image = torch.arange(batch, device=device)[:, None, None, None]
    channel = torch.arange(channels, device=device)[None, :, None, None]
    return padded[image, channel, row, column]
