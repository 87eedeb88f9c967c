"""What a frozen backbone says of pictures, computed once: the input of a linear probe."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from model.images import DecodedImages, Images
from model.vit import VisionTransformer

READOUT_BATCH = 250


@torch.no_grad()
def readouts(
    model: VisionTransformer, images: Images, model_input: Callable[[Tensor], Tensor]
) -> DecodedImages:
    """Give each image's readout, float32 [n, d], in the place of its pixels.

    `model_input` turns a batch of images into what the model takes. The readouts lie where the
    model does.
    """
    model.eval()
    features: list[Tensor] = []
    targets: list[Tensor] = []
    for batch, numbers in images.batches(torch.split(torch.arange(len(images)), READOUT_BATCH)):
        features.append(model.features(model_input(batch)).float())
        targets.append(numbers.to(features[-1].device))
    return DecodedImages(torch.cat(features), torch.cat(targets))
