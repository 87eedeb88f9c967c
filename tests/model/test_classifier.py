"""The lean forward pass: the same logits with less work, or nearly the same with fewer tokens."""

from __future__ import annotations

from unittest import mock

import pytest
import torch

from model.classifier import Classifier
from tests.model.vits import SHAPES, random_images, small_vit


@pytest.mark.parametrize("shape", SHAPES)
def test_it_gives_the_models_own_logits_and_readout(shape: str) -> None:
    model = small_vit(**SHAPES[shape])
    images = random_images(model, 3)
    with torch.inference_mode():
        logits, readout = Classifier(model)(images)
        torch.testing.assert_close(logits, model(images))
        torch.testing.assert_close(readout, model.features(images))


def test_the_last_feed_forward_sees_the_class_token_alone() -> None:
    model = small_vit(registers=2)
    last = model.blocks[-1].mlp
    with mock.patch.object(last, "forward", wraps=last.forward) as feed_forward:
        Classifier(model)(random_images(model, 3))
    assert feed_forward.call_args.args[0].shape == (3, 1, model.config.width)


@pytest.mark.parametrize("shape", SHAPES)
def test_merging_patches_that_are_all_alike_changes_nothing(shape: str) -> None:
    model = small_vit(**SHAPES[shape])
    model.pos_embed.data.zero_()
    images = torch.ones_like(random_images(model)) * torch.tensor([1.0, -0.5, 2.0])[:, None, None]
    with torch.inference_mode():
        merged, _ = Classifier(model, (5, 3))(images)
        torch.testing.assert_close(merged, model(images))


@pytest.mark.parametrize("shape", SHAPES)
def test_merging_leaves_later_blocks_fewer_tokens(shape: str) -> None:
    model = small_vit(**SHAPES[shape])
    middle = model.blocks[1].mlp
    with mock.patch.object(middle, "forward", wraps=middle.forward) as feed_forward:
        Classifier(model, (4, 2))(random_images(model, 3))
    assert feed_forward.call_args.args[0].shape[1] == model.config.tokens - 6


def test_an_image_is_classified_as_if_it_were_alone() -> None:
    model = small_vit()
    images, classifier = random_images(model, 4), Classifier(model, (5, 2))
    with torch.inference_mode():
        together, _ = classifier(images)
        alone = torch.cat([classifier(one[None])[0] for one in images])
    torch.testing.assert_close(together, alone)
