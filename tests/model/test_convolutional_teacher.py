"""The convolutional network: its first layer whitens, its filters start and stay as they should."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from model.convolutional_teacher import Convolution, ConvolutionalTeacher, whitening_filters

WIDTHS = (8, 12, 16)


@pytest.fixture
def images() -> torch.Tensor:
    """Noise whose neighbouring pixels and channels resemble each other, as in photographs."""
    torch.manual_seed(0)
    noise = torch.randn(64, 3, 18, 18)
    return functional.avg_pool2d(noise + noise.mean(dim=1, keepdim=True), 3, stride=1)


def test_whitened_patches_are_uncorrelated_and_of_unit_variance(images):
    answers = functional.conv2d(images, whitening_filters(images))  # [n, 24, 15, 15]
    covariance = answers[:, :12].transpose(0, 1).flatten(1).cov()
    assert torch.allclose(covariance, torch.eye(12), atol=0.05)
    assert torch.equal(answers[:, 12:], -answers[:, :12])


def test_the_first_filters_start_as_the_identity():
    layer = Convolution(4, 6)
    images = torch.randn(2, 4, 5, 5)
    assert torch.allclose(layer(images)[:, :4], images, atol=1e-6)


@pytest.mark.parametrize("side", [9, 16, 32, 33])
def test_it_gives_logits_for_images_of_any_size_from_nine_pixels_on(side):
    model = ConvolutionalTeacher(5, WIDTHS).eval()
    assert model(torch.randn(2, 3, side, side)).shape == (2, 5)


def test_the_order_in_memory_does_not_change_the_logits(images):
    torch.manual_seed(0)
    model = ConvolutionalTeacher(5, WIDTHS).eval()
    model.whiten(images)
    ordered = images.contiguous(memory_format=torch.channels_last)
    assert torch.allclose(model(images), model(ordered), atol=1e-6)


def test_convolutions_are_brought_to_the_length_of_their_rows():
    model = ConvolutionalTeacher(5, WIDTHS)
    model.normalize_convolutions()
    lengths = [float(weight.detach().norm()) for weight in model.convolutions()]
    assert lengths == pytest.approx([width**0.5 for width in WIDTHS for _ in range(2)])


def test_the_whitening_and_the_scales_do_not_learn():
    model = ConvolutionalTeacher(5, WIDTHS)
    fixed = {name for name, weight in model.named_parameters() if not weight.requires_grad}
    norms = {f"stages.{stage}.norm{norm}.weight" for stage in range(3) for norm in (1, 2)}
    assert fixed == {"whitening.weight", *norms}
