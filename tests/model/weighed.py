"""Small models, the trained one, and weights of their logits: whose gradients are looked at."""

from functools import cache

import pytest
import torch

from model.checkpoint import load_checkpoint
from service.settings import EMBEDDED_BUNDLES
from tests.model.vits import SHAPES, random_images, small_vit

TARGETS = 3
PRECISIONS = pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)]
)
EVERY_SHAPE = pytest.mark.parametrize("shape", [*SHAPES, "trained"])


@cache
def vit(shape, dtype=torch.float64):
    """A small model with random weights, or the embedded one with those of its training."""
    if shape == "trained":
        return load_checkpoint(EMBEDDED_BUNDLES / "cifar10" / "1").model.to(dtype)
    return small_vit(**SHAPES[shape]).to(dtype)


def random_weights(model, images=2, targets=TARGETS):
    generator = torch.Generator().manual_seed(3)
    weights = torch.randn(images, targets, model.config.classes, generator=generator)
    return weights.to(model.head.weight.dtype)


def single(shape):
    """One image through a model, its explicit steps, and the weights of several targets."""
    model = vit(shape)
    images = random_images(model, 1)
    return model, images, model.steps(images), random_weights(model, 1)


def assert_same(found, expected, tolerance=1e-9):
    assert expected.abs().max() > 0
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
