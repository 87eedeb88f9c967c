"""Random changes of a batch of images, on the device where it lies.

Every number comes from the step's `Draws`, so seed and step fix it, and the number of processes
does not change it. Sources: random erasing, Zhong et al., AAAI 2020; mixup, Zhang et al., ICLR
2018; CutMix, Yun et al., ICCV 2019. The policies of colour and shape are in `policy.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from model.draws import Draws
from model.policy import change_by_policy
from model.training_config import Policy

ERASED_AREA = (0.02, 0.33)  # shares of an image, as published
ERASED_ASPECT = (0.3, 3.3)  # rows per column


class Augmentation:
    """Changes images and mixes them: the same steps for every batch, drawn anew each time."""

    def __init__(
        self,
        flip: bool = True,
        shift: int = 0,
        policy: Policy = "none",
        erasing: float = 0.0,
        mixup: float = 0.0,
        cutmix: float = 0.0,
    ) -> None:
        self.flip = flip
        self.shift = shift
        self.policy = policy
        self.erasing = erasing
        self.mixup = mixup
        self.cutmix = cutmix

    def change(self, images: Tensor, draws: Draws) -> Tensor:
        """Change images uint8 [b, 3, S, S]; give float32 levels in [0, 1] of the same shape."""
        if self.flip:  # on bytes, which are a quarter of the floats
            images = random_flip(images, draws)
        if self.shift:
            images = random_shift(images, self.shift, draws)
        levels = change_by_policy(images.float().div_(255), self.policy, draws)
        return random_erasing(levels, self.erasing, draws) if self.erasing else levels

    @property
    def mixes(self) -> bool:
        """Whether images are mixed."""
        return bool(self.mixup or self.cutmix)

    def mix(
        self, images: Tensor, targets: Tensor, classes: int, draws: Draws
    ) -> tuple[Tensor, Tensor]:
        """Mix the images of a batch; the targets [b] become probabilities [b, C] where it does.

        With both mixup and cutmix, each batch takes one of them with equal chance.
        """
        if not self.mixes:
            return images, targets
        cuts = bool(self.cutmix) and (not self.mixup or draws.one_uniform() < 0.5)
        probabilities = functional.one_hot(targets, classes).to(images.dtype)  # [b, C]
        if cuts:
            return cutmix(images, probabilities, draws.one_beta(self.cutmix), draws)
        return mixup(images, probabilities, draws.one_beta(self.mixup))


def random_flip(images: Tensor, draws: Draws) -> Tensor:
    """Mirror each image [b, c, S, S] left to right with probability one half."""
    flipped = draws.uniform(1, 1, 1).to(images.device) < 0.5
    return torch.where(flipped, images.flip(3), images)


def random_shift(images: Tensor, pixels: int, draws: Draws) -> Tensor:
    """Move each image by up to `pixels` in both directions; the uncovered border is mirrored."""
    batch, _, rows, columns = images.shape
    device = images.device
    padded = images.index_select(2, mirrored(rows, pixels).to(device))
    padded = padded.index_select(3, mirrored(columns, pixels).to(device))
    windows = padded.unfold(2, rows, 1).unfold(3, columns, 1)  # [b, c, top, left, rows, columns]
    top, left = draws.integers(2 * pixels + 1, 2).to(device).unbind(dim=1)
    return windows.permute(0, 2, 3, 1, 4, 5)[torch.arange(batch, device=device), top, left]


def mirrored(length: int, border: int) -> Tensor:
    """Give the pixels that a line with mirrored borders shows: 2, 1, 0, 1, 2, ..."""
    places = torch.arange(-border, length + border).abs()
    return torch.where(places >= length, 2 * (length - 1) - places, places)


def random_erasing(images: Tensor, probability: float, draws: Draws) -> Tensor:
    """Fill a rectangle of some of the images [b, c, rows, columns] with black."""
    rows, columns = images.shape[-2:]
    chance, area, aspect, top, left = draws.uniform(5).to(images.device).unbind(dim=1)  # [b] each
    area = ERASED_AREA[0] + area * (ERASED_AREA[1] - ERASED_AREA[0])
    aspect = ERASED_ASPECT[0] + aspect * (ERASED_ASPECT[1] - ERASED_ASPECT[0])
    covered_rows = line_mask(rows, (area * aspect).sqrt().clamp(max=1), top)  # [b, rows]
    covered_columns = line_mask(columns, (area / aspect).sqrt().clamp(max=1), left)
    erased = covered_rows[:, None, :, None] & covered_columns[:, None, None, :]
    return images.masked_fill(erased & (chance < probability)[:, None, None, None], 0.0)


def line_mask(length: int, share: Tensor, place: Tensor) -> Tensor:
    """Mark a piece of `share` [b] of a line, as far along as `place` [b] says: bool [b, length]."""
    piece = (share * length).round()
    begin = (place * (length - piece + 1)).floor()
    pixels = torch.arange(length, device=share.device)
    return (pixels >= begin[:, None]) & (pixels < (begin + piece)[:, None])


def partners(images: Tensor) -> Tensor:
    """Give each image's partner in mixing: the one half a batch further on.

    Image i and its partner, i + B/2, belong to the same process wherever the number of processes
    divides B/2. So a share finds all partners within itself, half of its own length further on.
    """
    return images.roll(len(images) // 2, dims=0)


def mixup(images: Tensor, targets: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Blend each image and its target with those of its partner in the batch."""
    return (
        share * images + (1 - share) * partners(images),
        share * targets + (1 - share) * partners(targets),
    )


def cutmix(images: Tensor, targets: Tensor, share: float, draws: Draws) -> tuple[Tensor, Tensor]:
    """Paste a rectangle of about `1 - share` of its partner's area into each image.

    The targets are blended by the area really pasted, which the border may cut.
    """
    rows, columns = images.shape[-2:]
    side = (1 - share) ** 0.5
    top, bottom = span(rows, side, draws)
    left, right = span(columns, side, draws)
    mixed = images.clone()
    mixed[..., top:bottom, left:right] = partners(images)[..., top:bottom, left:right]
    pasted = (bottom - top) * (right - left) / (rows * columns)
    return mixed, (1 - pasted) * targets + pasted * partners(targets)


def span(length: int, share: float, draws: Draws) -> tuple[int, int]:
    """Draw where a piece of `share` of a length begins and ends, cut at the borders."""
    middle = draws.one_integer(length)
    half = round(length * share / 2)
    return max(0, middle - half), min(length, middle + half)
