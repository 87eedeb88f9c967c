"""The maps of explanations, against other ways to compute them."""

import pytest
import torch

from model.backward import walk_back
from model.explain import (
    Attender,
    Explainer,
    attention_relevance,
    class_activation,
    local_evidence,
    predicted_where_zero,
    token_norms,
)
from tests import autograd
from tests.model.vits import SHAPES, random_images
from tests.model.weighed import (
    EVERY_SHAPE,
    TARGETS,
    assert_same,
    random_weights,
    single,
    vit,
)


@EVERY_SHAPE
def test_relevance_equals_the_papers_matrices_from_every_layer_on(shape):
    model, _, steps, weights = single(shape)
    found = attention_relevance(model, steps, walk_back(model, steps, weights))
    for relevance, sign in zip(found, (1.0, -1.0), strict=True):
        assert relevance.shape == (1, TARGETS, model.config.depth, model.config.patches)
        for target in range(TARGETS):
            for layer in range(model.config.depth):
                expected = autograd.relevance(
                    model, steps, weights[0, target], sign=sign, start_layer=layer
                )
                torch.testing.assert_close(
                    relevance[0, target, layer], expected, rtol=1e-9, atol=1e-9
                )
            assert relevance[0, target, 0].max() > 0


@pytest.mark.parametrize("shape", SHAPES)
def test_relevance_keeps_its_digits_however_small_it_is(shape):
    maps = []
    for dtype in (torch.float32, torch.float64):
        model = vit(shape, dtype)
        steps = model.steps(random_images(model, 1))
        weights = random_weights(model, 1) * 1e-6
        maps.append(attention_relevance(model, steps, walk_back(model, steps, weights)))
    for found, expected in zip(*maps, strict=True):
        largest = expected.max().item()
        assert 0 < largest < 1e-4
        torch.testing.assert_close(found.double(), expected, rtol=1e-3, atol=1e-4 * largest)


@EVERY_SHAPE
def test_the_layers_evidence_equals_legrad_by_autograd(shape):
    model, _, steps, weights = single(shape)
    found = local_evidence(model, steps, weights)
    for target in range(TARGETS):
        expected = autograd.legrad(model, steps, weights[0, target])
        assert_same(found[0, target], expected)


@EVERY_SHAPE
def test_the_class_activation_equals_gradcam_by_a_hook(shape):
    model, images, steps, weights = single(shape)
    found = class_activation(model, steps, walk_back(model, steps, weights))
    for target in range(TARGETS):
        expected = autograd.gradcam(model, images, weights[0, target])
        assert_same(found[0, target], expected)


@EVERY_SHAPE
def test_token_norms_are_the_lengths_of_the_patches_tokens_alone(shape):
    model, _, steps, _ = single(shape)
    tokens = steps.blocks[-1].output[0, -model.config.patches :]
    expected = torch.stack([token.square().sum().sqrt() for token in tokens])
    torch.testing.assert_close(token_norms(model, steps)[0], expected)


def test_a_row_of_zeros_stands_for_the_predicted_class():
    logits = torch.tensor([[0.1, 2.0, -1.0], [3.0, 0.0, 1.0]])
    weights = torch.zeros(2, 2, 3)
    weights[0, 1, 2] = -1.5
    found = predicted_where_zero(weights, logits)
    assert found[0].tolist() == [[0, 1, 0], [0, 0, -1.5]]
    assert found[1].tolist() == [[1, 0, 0], [1, 0, 0]]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("targets", "layer_targets"), [(2, 1), (0, 2), (2, 0), (0, 0)], ids=lambda count: str(count)
)
def test_the_explainer_gives_as_many_maps_as_it_is_given_weights(shape, targets, layer_targets):
    model = vit(shape, torch.float32)
    patches, depth, flat = model.config.patches, model.config.depth, 3 * 8 * 8
    weights = random_weights(model)
    images = random_images(model)
    with torch.inference_mode():
        logits, *maps = Explainer(model)(images, weights[:, :targets], weights[:, :layer_targets])
        torch.testing.assert_close(logits, model(images), rtol=0, atol=1e-4)
    assert [tuple(one.shape) for one in maps] == [
        (2, targets, depth, patches),
        (2, targets, depth, patches),
        (2, targets, patches),
        (2, targets, patches, flat),
        (2, layer_targets, patches),
        (2, patches),
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_attender_gives_the_attention_among_the_patches_that_are_kept(shape):
    model = vit(shape, torch.float32)
    images = random_images(model)
    keep = torch.tensor([[7, 2, 3], [0, 14, 9]])
    with torch.inference_mode():
        logits, attention, norms = Attender(model)(images, keep)
        torch.testing.assert_close(logits, model(images, keep), rtol=0, atol=1e-4)
    tokens = model.config.prefix_tokens + 3
    assert attention.shape == (2, model.config.depth, model.config.heads, tokens, tokens)
    assert norms.shape == (2, 3)
