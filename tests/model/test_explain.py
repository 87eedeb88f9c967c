"""The closed-form backward and the maps made of it, against autograd."""

from functools import cache

import pytest
import torch

from model.checkpoint import load_checkpoint
from model.explain import (
    Attender,
    Explainer,
    attention_relevance,
    class_activation,
    gelu_slope,
    local_evidence,
    patch_gradient,
    pooling_matrix,
    predicted_where_zero,
    rows_read_out,
    token_norms,
    walk_back,
)
from service.settings import EMBEDDED_BUNDLES
from tests import autograd
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


@pytest.mark.parametrize("shape", SHAPES)
def test_the_pooling_matrix_is_what_pooling_makes_of_the_identity(shape):
    model = vit(shape)
    tokens = model.config.tokens
    pooled = model.pool(torch.eye(tokens, dtype=torch.float64)[None]).reshape(-1, tokens)
    assert_same(pooling_matrix(model), pooled, 1e-15)


@PRECISIONS
@EVERY_SHAPE
def test_the_gradient_of_every_layers_attention_equals_autograds(shape, dtype, tolerance):
    model = vit(shape, dtype)
    weights = random_weights(model)
    steps = model.steps(random_images(model))
    *earlier, last = walk_back(model, steps, weights).attention
    assert len(earlier) == model.config.depth - 1
    rows = rows_read_out(model)
    for target in range(TARGETS):
        *expected, expected_last = autograd.attention_gradients(steps, weights[:, target])
        for ours, theirs in zip(earlier, expected, strict=True):
            assert_same(ours[:, target], theirs, tolerance)
        assert_same(last[:, target], expected_last[:, :, rows], tolerance)


@EVERY_SHAPE
def test_in_the_last_layer_no_other_row_than_those_read_out_has_a_gradient(shape):
    model, _, steps, weights = single(shape)
    gradient = autograd.attention_gradients(steps, weights[:, 0])[-1]
    gradient[:, :, rows_read_out(model)] = 0
    assert gradient.abs().max() == 0


@PRECISIONS
@EVERY_SHAPE
def test_the_gradient_of_the_tokens_that_enter_the_last_block_equals_autograds(
    shape, dtype, tolerance
):
    model = vit(shape, dtype)
    images, weights = random_images(model), random_weights(model)
    found = walk_back(model, model.steps(images), weights).last_tokens
    for target in range(TARGETS):
        _, expected = autograd.last_tokens(model, images, weights[:, target])
        assert_same(found[:, target], expected, tolerance)


@PRECISIONS
@EVERY_SHAPE
def test_the_gradient_of_the_pixels_equals_autograds(shape, dtype, tolerance):
    model = vit(shape, dtype)
    images, weights = random_images(model), random_weights(model)
    found = patch_gradient(model, walk_back(model, model.steps(images), weights))
    size = model.config.patch_size
    for target in range(TARGETS):
        pixels = autograd.pixel_gradient(model, images, weights[:, target])
        patches = torch.nn.functional.unfold(pixels, size, stride=size).transpose(1, 2)
        assert_same(found[:, target], patches, tolerance)


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


def test_the_slope_of_gelu_equals_autograds():
    hidden = torch.linspace(-6, 6, 101, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(torch.nn.functional.gelu(hidden).sum(), hidden)
    torch.testing.assert_close(gelu_slope(hidden.detach()), expected, rtol=0, atol=1e-12)


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
