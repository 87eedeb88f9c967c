"""Small Vision Transformers with random weights, of every shape that the tests need."""

from __future__ import annotations

from typing import Any

import torch

from model.config import VisionTransformerConfig
from model.vit import VisionTransformer

SHAPES: dict[str, dict[str, Any]] = {
    "class token": {},
    "mean pooling": {"pooling": "mean"},
    "LayerScale": {"layer_scale": 0.5},
    "registers": {"registers": 3},
    "mean pooling with registers": {"pooling": "mean", "registers": 2, "layer_scale": 0.3},
    "a grid that is not square": {"image_size": (24, 40)},
    "no class token": {"class_token": False, "pooling": "mean"},
    "no class token but registers": {"class_token": False, "pooling": "mean", "registers": 2},
    "norm after pooling": {"pooling": "mean", "norm_after_pooling": True},
    "class token beside the mean": {"pooling": "class_token_and_mean", "registers": 2},
    "distillation token": {"pooling": "class_and_distillation_token", "registers": 1},
    "norm before the blocks": {"pre_norm": True},
}

# what the embedded model and the tiny ones are not, all of it in one model
ODD: dict[str, Any] = {
    "image_size": (24, 40),
    "registers": 2,
    "layer_scale": 0.3,
    "pooling": "mean",
    "norm_epsilon": 1e-5,
}

# what public checkpoints have, in as few models as have all of it
PUBLIC_SHAPES: dict[str, dict[str, Any]] = {
    "bare": {"class_token": False, "pooling": "mean", "norm_after_pooling": True},
    "beside": {"pooling": "class_token_and_mean", "registers": 2, "pre_norm": True},
    "distilled": {"pooling": "class_and_distillation_token", "registers": 1},
}


def small_vit(seed: int = 0, **changes: Any) -> VisionTransformer:
    """Give a ViT of three blocks in evaluation mode, with weights that do not vanish."""
    values: dict[str, Any] = {"image_size": (32, 32), "patch_size": 8, "width": 24, "depth": 3}
    config = VisionTransformerConfig(**{**values, "heads": 2, "classes": 5, **changes})
    model = VisionTransformer(config)
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.25, generator=generator)
    return model.eval()


def random_images(model: VisionTransformer, count: int = 2, seed: int = 1) -> torch.Tensor:
    """Give images that a model accepts, of its own number format."""
    generator = torch.Generator().manual_seed(seed)
    config = model.config
    images = torch.randn(count, config.channels, *config.image_size, generator=generator)
    return images.to(model.head.weight.dtype)


def public_vit(name: str) -> VisionTransformer:
    """Give a small ViT of a shape that public checkpoints have."""
    return small_vit(depth=2, **PUBLIC_SHAPES[name])
