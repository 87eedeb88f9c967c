"""A small convolutional network for small pictures: quick to train, and then a teacher.

    whitening     2 x 2 convolution, frozen, from the training patches' own covariance
    three stages  convolution 3 x 3, max pool, batch norm, GELU, convolution, batch norm, GELU
    pool, head    the maximum over what is left of the picture, then a linear layer

What makes it learn in a few epochs was published by others: a frozen whitening first layer and
batch norm without scale (Page, "How to Train Your ResNet", 2018-2019), widths of 64, 256 and 256
with filters that start as the identity (Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU",
2024).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

WHITENING_SIDE = 2
WHITENING_FLOOR = 5e-4  # added to each variance, so that patches' noise is not blown up
BATCH_NORM_MOMENTUM = 0.4  # a training is a few hundred steps: statistics must follow quickly


class Convolution(nn.Module):
    """A convolution of 3 x 3 whose weight is a matrix [outputs, inputs x 9], as Muon moves it.

    The first filters start as the identity of one channel each, the rest at random.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        kernel = nn.Conv2d(inputs, outputs, 3, bias=False).weight.detach()
        nn.init.dirac_(kernel[:inputs])
        self.shape = (outputs, inputs, 3, 3)
        self.weight = nn.Parameter(kernel.reshape(outputs, -1))

    def forward(self, images: Tensor) -> Tensor:
        """Give [B, outputs, S, S] for [B, inputs, S, S]."""
        kernel = self.weight.view(self.shape)
        return functional.conv2d(images, kernel.contiguous(memory_format=layout(images)), padding=1)


def layout(images: Tensor) -> torch.memory_format:
    """Say in which order an image's numbers lie in memory."""
    last = images.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


class Stage(nn.Module):
    """Two convolutions; halves the side and sets the number of channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = Convolution(inputs, outputs)
        self.norm1 = batch_norm(outputs)
        self.conv2 = Convolution(outputs, outputs)
        self.norm2 = batch_norm(outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Give [B, outputs, S / 2, S / 2] for [B, inputs, S, S]."""
        images = functional.max_pool2d(self.conv1(images), 2)
        images = functional.gelu(self.norm1(images))
        return functional.gelu(self.norm2(self.conv2(images)))


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """Give a batch norm that shifts but does not scale."""
    norm = nn.BatchNorm2d(channels, momentum=BATCH_NORM_MOMENTUM)
    norm.weight.requires_grad_(False)
    return norm


class ConvolutionalTeacher(nn.Module):
    """Classifies pictures [B, 3, S, S], S of 9 or more, into logits [B, classes]."""

    def __init__(self, classes: int, widths: tuple[int, int, int]) -> None:
        super().__init__()
        whitened = 2 * 3 * WHITENING_SIDE**2
        self.whitening = nn.Conv2d(3, whitened, WHITENING_SIDE)
        self.whitening.weight.requires_grad_(False)
        nn.init.zeros_(self.whitening.bias)  # type: ignore[arg-type]
        self.stages = nn.Sequential(
            *(
                Stage(inputs, outputs)
                for inputs, outputs in zip((whitened, *widths), widths, strict=False)
            )
        )
        self.head = nn.Linear(widths[-1], classes, bias=False)
        nn.init.normal_(self.head.weight, std=widths[-1] ** -1.5)  # logits near 0 at the start

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Give logits [B, classes]."""
        images = functional.gelu(self.whitening(pixel_values))  # [B, 24, S - 1, S - 1]
        images = self.stages(images)
        return self.head(images.amax(dim=(2, 3)))

    def convolutions(self) -> list[nn.Parameter]:
        """Give the matrices of all convolutions that learn."""
        return [part.weight for part in self.modules() if isinstance(part, Convolution)]

    @torch.no_grad()
    def whiten(self, images: Tensor) -> None:
        """Set the first layer so that it whitens the patches of normalized images [n, 3, S, S]."""
        self.whitening.weight.copy_(whitening_filters(images))

    @torch.no_grad()
    def normalize_convolutions(self) -> None:
        """Bring every convolution back to the length that a matrix of as many units has.

        Batch norm undoes a filter's length, so that only its direction counts; at a fixed length
        a learning rate means the same turn throughout the training.
        """
        for weight in self.convolutions():
            weight.mul_(len(weight) ** 0.5 / weight.norm())


def whitening_filters(images: Tensor) -> Tensor:
    """Give filters [24, 3, 2, 2]: the patches' principal directions at unit variance, and minus."""
    patches = functional.unfold(images, WHITENING_SIDE).transpose(1, 2).flatten(0, 1).double()
    variances, directions = torch.linalg.eigh(patches.T.cov())
    scaled = (directions / (variances + WHITENING_FLOOR).sqrt()).T.flip(0)  # largest first
    filters = scaled.view(-1, 3, WHITENING_SIDE, WHITENING_SIDE).float()
    return torch.cat([filters, -filters])
