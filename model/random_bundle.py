"""Models of the family's sizes with random weights: for speed and memory, before there is a model.

Sizes: Dosovitskiy et al., ICLR 2021, and Touvron et al., ICML 2021 (Ti, S).
"""

from __future__ import annotations

import torch

from model.checkpoint import Checkpoint
from model.config import VisionTransformerConfig
from model.initialization import initialize
from model.vit import VisionTransformer

SIZES: dict[str, tuple[int, int, int]] = {  # depth, width, heads
    "Ti": (12, 192, 3),
    "S": (12, 384, 6),
    "B": (12, 768, 12),
    "L": (24, 1024, 16),
}
CLASSES = 1000
IMAGE_SIDE, RESIZED_SIDE, PATCH_SIDE = 224, 256, 16


def random_checkpoint(size: str, seed: int = 0) -> Checkpoint:
    """Draw a ViT of a size with patches of 16 on 224 pixels and 1000 classes that have no names."""
    depth, width, heads = SIZES[size]
    torch.manual_seed(seed)
    model = VisionTransformer(
        VisionTransformerConfig(
            image_size=(IMAGE_SIDE, IMAGE_SIDE),
            patch_size=PATCH_SIDE,
            depth=depth,
            width=width,
            heads=heads,
            classes=CLASSES,
        )
    )
    initialize(model, "truncated_normal")
    torch.nn.init.normal_(model.head.weight, std=width**-0.5)  # which is 0 at a training's start
    preprocessing = {
        "size": [RESIZED_SIDE, RESIZED_SIDE],
        "crop": [IMAGE_SIDE, IMAGE_SIDE],
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
    }
    provenance = {
        "dataset": "none",
        "recipe": "random weights",
        "command": f"vitrine-model random {size} --seed {seed}",
        "seed": seed,
    }
    labels = tuple(f"class {index}" for index in range(CLASSES))
    return Checkpoint(model.eval(), labels, preprocessing, provenance)
