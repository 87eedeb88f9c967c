"""The closed-form backward pass, against autograd."""

import torch

from model.backward import gelu_slope, walk_back
from model.explain import (
    patch_gradient,
)
from model.pooling import rows_read_out
from tests import autograd
from tests.model.vits import random_images
from tests.model.weighed import (
    EVERY_SHAPE,
    PRECISIONS,
    TARGETS,
    assert_same,
    random_weights,
    single,
    vit,
)


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


def test_the_slope_of_gelu_equals_autograds():
    hidden = torch.linspace(-6, 6, 101, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(torch.nn.functional.gelu(hidden).sum(), hidden)
    torch.testing.assert_close(gelu_slope(hidden.detach()), expected, rtol=0, atol=1e-12)
