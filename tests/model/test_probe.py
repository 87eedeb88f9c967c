"""Readouts are what the head sees of each image."""

from __future__ import annotations

import torch

from model.images import DecodedImages
from model.probe import readouts
from tests.model.vits import random_images, small_vit


def test_the_head_gives_the_same_logits_for_readouts_as_the_model_for_images():
    model = small_vit(patch_drop=0.5)
    images, targets = random_images(model, 5), torch.arange(5)
    held = readouts(model.train(), DecodedImages(images, targets), lambda batch: 2 * batch)
    assert held.images.shape == (5, 24)
    assert torch.equal(held.targets, targets)
    with torch.no_grad():
        assert torch.allclose(model.head(held.images), model.eval()(2 * images), atol=1e-5)
