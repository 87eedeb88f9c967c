"""A checkpoint that tests train, export and measure: five classes, two blocks, random weights."""

from __future__ import annotations

from typing import Any

from model.checkpoint import Checkpoint
from model.vit import VisionTransformer
from tests.model.vits import small_vit

LABELS = ("ant", "bee", "cat", "dog", "elk")
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


def pets_vit() -> VisionTransformer:
    """Give a ViT that is large enough for weights that the graphs must share."""
    return small_vit(width=64, depth=2, layer_scale=0.5)


def checkpoint(
    model: VisionTransformer, labels: tuple[str, ...] = LABELS, **provenance: Any
) -> Checkpoint:
    size = list(model.config.image_size)
    preprocessing = {"size": size, "crop": size, "mean": list(MEAN), "std": list(STD)}
    known = {"dataset": "drawn", "recipe": "none", "command": "", "seed": 0, **provenance}
    return Checkpoint(model, labels, preprocessing, known)
