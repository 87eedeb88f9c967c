"""Random changes of a batch of images, on the device where it lies.

Everything draws from torch's global generators, so a seed fixes it. Sources: RandAugment, Cubuk et
al., CVPR Workshops 2020; TrivialAugment, Müller and Hutter, ICCV 2021; random erasing, Zhong et
al., AAAI 2020; mixup, Zhang et al., ICLR 2018; CutMix, Yun et al., ICCV 2019.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.training_config import Policy

RAND_AUGMENT_CHANGES = 2
RAND_AUGMENT_MAGNITUDE = 9  # of 30


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
        self.policy = policy_layer(policy)
        self.erasing = erasing_layer(erasing)
        self.mixup = mixup
        self.cutmix = cutmix

    def change(self, images: Tensor) -> Tensor:
        """Give changed images [B, 3, S, S]; levels are in [0, 1] before and after."""
        if self.flip:
            images = random_flip(images)
        if self.shift:
            images = random_shift(images, self.shift)
        if self.policy is not None:
            images = self.policy(images)
        return images if self.erasing is None else self.erasing(images)

    def mix(self, images: Tensor, targets: Tensor, classes: int) -> tuple[Tensor, Tensor]:
        """Mix the images of a batch; the targets [B] become probabilities [B, C] where it does.

        With both mixup and cutmix, each batch takes one of them with equal chance.
        """
        if not self.mixup and not self.cutmix:
            return images, targets
        cuts = bool(self.cutmix) and (not self.mixup or torch.rand(()).item() < 0.5)
        probabilities = functional.one_hot(targets, classes).to(images.dtype)  # [B, C]
        if cuts:
            return cutmix(images, probabilities, mixing_share(self.cutmix))
        return mixup(images, probabilities, mixing_share(self.mixup))


def policy_layer(policy: Policy) -> nn.Module | None:
    """Give the layer of a published policy of colour and shape changes, none for "none"."""
    if policy == "none":
        return None
    from kornia.augmentation.auto import RandAugment, TrivialAugment

    layer: nn.Module = (
        RandAugment(RAND_AUGMENT_CHANGES, RAND_AUGMENT_MAGNITUDE)
        if policy == "rand_augment"
        else TrivialAugment()
    )
    return layer


def erasing_layer(probability: float) -> nn.Module | None:
    """Give the layer that fills a random rectangle of an image with black, none for 0."""
    if not probability:
        return None
    from kornia.augmentation import RandomErasing

    layer: nn.Module = RandomErasing(p=probability)
    return layer


def random_flip(images: Tensor) -> Tensor:
    """Mirror each image [B, c, S, S] left to right with probability one half."""
    flipped = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    return torch.where(flipped, images.flip(3), images)


def random_shift(images: Tensor, pixels: int) -> Tensor:
    """Move each image by up to `pixels` in both directions; the uncovered border is mirrored."""
    batch, channels, rows, columns = images.shape
    padded = functional.pad(images, (pixels,) * 4, mode="reflect")
    device = images.device
    top, left = torch.randint(0, 2 * pixels + 1, (2, batch, 1), device=device)
    row = (top + torch.arange(rows, device=device))[:, None, :, None]
    column = (left + torch.arange(columns, device=device))[:, None, None, :]
    image = torch.arange(batch, device=device)[:, None, None, None]
    channel = torch.arange(channels, device=device)[None, :, None, None]
    return padded[image, channel, row, column]


def mixing_share(alpha: float) -> float:
    """Draw the share of an image in its mixture from Beta(alpha, alpha)."""
    concentration = torch.tensor(alpha)
    return float(torch.distributions.Beta(concentration, concentration).sample())


def mixup(images: Tensor, targets: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Blend each image and its target with those of its neighbour in the batch."""
    return (
        share * images + (1 - share) * images.roll(1, dims=0),
        share * targets + (1 - share) * targets.roll(1, dims=0),
    )


def cutmix(images: Tensor, targets: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Paste a rectangle of about `1 - share` of its neighbour's area into each image.

    The targets are blended by the area really pasted, which the border may cut.
    """
    rows, columns = images.shape[-2:]
    side = (1 - share) ** 0.5
    top, bottom = span(rows, side)
    left, right = span(columns, side)
    mixed = images.clone()
    mixed[..., top:bottom, left:right] = images.roll(1, dims=0)[..., top:bottom, left:right]
    pasted = (bottom - top) * (right - left) / (rows * columns)
    return mixed, (1 - pasted) * targets + pasted * targets.roll(1, dims=0)


def span(length: int, share: float) -> tuple[int, int]:
    """Draw where a piece of `share` of a length begins and ends, cut at the borders."""
    middle = int(torch.randint(length, ()))
    half = round(length * share / 2)
    return max(0, middle - half), min(length, middle + half)
