"""Policies of random colour and shape changes, drawn for each image by itself.

Sources: RandAugment, Cubuk et al., CVPR Workshops 2020; TrivialAugment, Müller and Hutter, ICCV
2021. Both draw from the same changes, with the ranges of RandAugment.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from model.draws import Draws
from model.training_config import Policy

RAND_AUGMENT_CHANGES = 2
RAND_AUGMENT_AMOUNT = 9 / 30
LARGEST_SHEAR = 0.3
LARGEST_TRANSLATION = 0.3  # of the side
LARGEST_ROTATION = math.radians(30)
LARGEST_BLEND = 0.9  # away from the factor 1 that changes nothing
MOST_BITS, BITS_LOST = 8, 4
LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow takes it
LEVELS = 256

Change = Callable[[Tensor, Tensor], Tensor]  # images [b, 3, S, S], amounts [b] in [-1, 1]


def change_by_policy(images: Tensor, policy: Policy, draws: Draws) -> Tensor:
    """Change images [b, 3, S, S] with levels in [0, 1] as the policy says.

    TrivialAugment takes one change of a random amount for each image; RandAugment takes two, each
    of 9/30 of the largest amount. The amount's sign is drawn.
    """
    if policy == "none":
        return images
    for _ in range(RAND_AUGMENT_CHANGES if policy == "rand_augment" else 1):
        chosen = draws.integers(len(CHANGES), 1)[:, 0]
        size, sign = draws.uniform(2).unbind(dim=1)
        if policy == "rand_augment":
            size = torch.full_like(size, RAND_AUGMENT_AMOUNT)
        images = change_each(images, chosen, torch.where(sign < 0.5, -size, size))
    return images


def change_each(images: Tensor, chosen: Tensor, amounts: Tensor) -> Tensor:
    """Apply to each image the change whose number in CHANGES is `chosen` [b], by `amounts` [b]."""
    changed = images.clone()
    for number, change in enumerate(CHANGES):
        members = (chosen == number).nonzero()[:, 0]  # on the CPU: no waiting for a GPU
        if len(members):
            here = members.to(images.device)
            parts = change(images[here], amounts[members].to(images.device))
            changed[here] = parts.clamp(0, 1)
    return changed


def identity(images: Tensor, _: Tensor) -> Tensor:
    """Leave the images as they are."""
    return images


def auto_contrast(images: Tensor, _: Tensor) -> Tensor:
    """Stretch each channel to the full range; one of a single level stays."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    stretched = (images - low) / (high - low).clamp(min=1 / LEVELS)
    return torch.where(high > low, stretched, images)


def equalize(images: Tensor, _: Tensor) -> Tensor:
    """Spread each channel's levels so that each is as frequent, as Pillow computes it."""
    levels = (images * (LEVELS - 1)).round().long().flatten(2)  # [b, 3, S S]
    counts = torch.zeros(*levels.shape[:2], LEVELS, dtype=torch.long, device=images.device)
    counts.scatter_add_(2, levels, torch.ones_like(levels))
    last = counts.gather(2, levels.amax(dim=2, keepdim=True))
    step = (counts.sum(dim=2, keepdim=True) - last) // (LEVELS - 1)
    before = counts.cumsum(dim=2) - counts
    table = ((before + step // 2) // step.clamp(min=1)).clamp(max=LEVELS - 1)
    spread = table.gather(2, levels).view(images.shape).to(images.dtype) / (LEVELS - 1)
    return torch.where((step > 0).view(*step.shape[:2], 1, 1), spread, images)


def solarize(images: Tensor, amounts: Tensor) -> Tensor:
    """Invert the levels at and above 1 - |amount|."""
    threshold = per_image(1 - amounts.abs())
    return torch.where(images >= threshold, 1 - images, images)


def posterize(images: Tensor, amounts: Tensor) -> Tensor:
    """Keep 8 to 4 bits of each level."""
    step = 2.0 ** (amounts.abs() * BITS_LOST).round()
    levels = (images * (LEVELS - 1)).round()
    return (levels / per_image(step)).floor() * per_image(step) / (LEVELS - 1)


def brightness(images: Tensor, amounts: Tensor) -> Tensor:
    """Blend with black, or away from it."""
    return blend(torch.zeros_like(images), images, amounts)


def colour(images: Tensor, amounts: Tensor) -> Tensor:
    """Blend with the picture in grey, or away from it."""
    return blend(grey(images), images, amounts)


def contrast(images: Tensor, amounts: Tensor) -> Tensor:
    """Blend with the picture's mean grey, or away from it."""
    return blend(grey(images).mean((2, 3), keepdim=True), images, amounts)


def sharpness(images: Tensor, amounts: Tensor) -> Tensor:
    """Blend with the smoothed picture, or away from it; the border stays."""
    kernel = torch.ones(3, 1, 3, 3, device=images.device, dtype=images.dtype)
    kernel[:, :, 1, 1] = 5  # as Pillow's SMOOTH
    smooth = images.clone()
    smooth[:, :, 1:-1, 1:-1] = functional.conv2d(images, kernel / 13, groups=3)
    return blend(smooth, images, amounts)


def shear_across(images: Tensor, amounts: Tensor) -> Tensor:
    """Move each row sideways by up to 0.3 of its distance from the middle."""
    return warp(images, across=(1, LARGEST_SHEAR * amounts, 0))


def shear_down(images: Tensor, amounts: Tensor) -> Tensor:
    """Move each column up or down by up to 0.3 of its distance from the middle."""
    return warp(images, down=(LARGEST_SHEAR * amounts, 1, 0))


def translate_across(images: Tensor, amounts: Tensor) -> Tensor:
    """Move to the side by up to 0.3 of the width."""
    return warp(images, across=(1, 0, 2 * LARGEST_TRANSLATION * amounts))


def translate_down(images: Tensor, amounts: Tensor) -> Tensor:
    """Move up or down by up to 0.3 of the height."""
    return warp(images, down=(0, 1, 2 * LARGEST_TRANSLATION * amounts))


def rotate(images: Tensor, amounts: Tensor) -> Tensor:
    """Turn about the middle by up to 30 degrees."""
    cosine, sine = (LARGEST_ROTATION * amounts).cos(), (LARGEST_ROTATION * amounts).sin()
    return warp(images, across=(cosine, -sine, 0), down=(sine, cosine, 0))


CHANGES: tuple[Change, ...] = (
    identity,
    auto_contrast,
    equalize,
    solarize,
    posterize,
    brightness,
    colour,
    contrast,
    sharpness,
    shear_across,
    shear_down,
    translate_across,
    translate_down,
    rotate,
)


def per_image(values: Tensor) -> Tensor:
    """Give values [b] the shape that meets images [b, 1, 1, 1]."""
    return values[:, None, None, None]


def grey(images: Tensor) -> Tensor:
    """Give the luminance [b, 1, S, S]."""
    weights = torch.tensor(LUMINANCE, device=images.device, dtype=images.dtype)
    return (images * weights[:, None, None]).sum(dim=1, keepdim=True)


def blend(other: Tensor, images: Tensor, amounts: Tensor) -> Tensor:
    """Go from `other` through the images by a factor of 1 + 0.9 x amount."""
    factor = per_image(1 + LARGEST_BLEND * amounts)
    return other + factor * (images - other)


Row = tuple[Tensor | float, Tensor | float, Tensor | float]


def warp(images: Tensor, across: Row = (1, 0, 0), down: Row = (0, 1, 0)) -> Tensor:
    """Look up each pixel elsewhere; what comes from outside is black.

    `across` and `down` give the place looked up as factors of column, row and 1, in coordinates
    from -1 to 1; each is one number or one per image [b].
    """
    values = torch.zeros(len(images), device=images.device, dtype=images.dtype)
    rows = [torch.stack([values + factor for factor in row], dim=1) for row in (across, down)]
    grid = functional.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="zeros", align_corners=False)
