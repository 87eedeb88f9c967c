"""Shapes of models that tests write down, and arrays that fit them."""

from __future__ import annotations

import numpy as np

from service.architecture import Architecture


def architecture(
    pooling: str = "class_token",
    prefix_tokens: int = 1,
    grid: tuple[int, int] = (2, 3),
    depth: int = 2,
    heads: int = 2,
    **others: bool,
) -> Architecture:
    return Architecture(
        image_size=(8 * grid[0], 8 * grid[1]),
        patch_size=8,
        grid=grid,
        depth=depth,
        heads=heads,
        width=4,
        prefix_tokens=prefix_tokens,
        pooling=pooling,
        parameters=1,
        **others,
    )


def attention_of(shape: Architecture, seed: int = 0) -> np.ndarray:
    """Draw attention [L, H, N, N] whose rows sum to 1."""
    sizes = (shape.depth, shape.heads, shape.tokens, shape.tokens)
    weights = np.random.default_rng(seed).random(sizes, np.float32)
    return weights / weights.sum(axis=-1, keepdims=True)
