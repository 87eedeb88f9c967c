"""The closed-form backward against autograd."""

import pytest
import torch
from safetensors.torch import load_file

from model.config import VisionTransformerConfig
from model.explain import Explainer, attention_gradients, gelu_slope, predicted_where_zero
from model.vit import VisionTransformer
from service.contract import read_bundle
from service.settings import EMBEDDED_BUNDLES
from tests.model.vits import SHAPES, random_images, small_vit

TARGETS = 3


def autograd_gradients(steps, logit_weights):
    """Give the gradient at every attention as autograd has it: a list of [B, T, H, N, N]."""
    attention = [block.attention for block in steps.blocks]
    by_target = [
        torch.autograd.grad(
            (logit_weights[:, target] * steps.logits).sum(), attention, retain_graph=True
        )
        for target in range(logit_weights.shape[1])
    ]
    return [torch.stack(gradients, dim=1) for gradients in zip(*by_target, strict=True)]


@pytest.mark.parametrize("hides_patches", [False, True], ids=["all patches", "hidden patches"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_gradient_of_every_layers_attention_equals_autograds(
    shape, dtype, tolerance, hides_patches
):
    model = small_vit(**SHAPES[shape]).to(dtype)
    generator = torch.Generator().manual_seed(3)
    weights = torch.randn(2, TARGETS, model.config.classes, generator=generator).to(dtype)
    keep = (torch.rand(2, model.config.patches, generator=generator) < 0.6).to(dtype)
    keep = keep if hides_patches else None
    steps = model.steps(random_images(model), keep)
    expected = autograd_gradients(steps, weights)
    found = attention_gradients(model, steps, weights, keep)
    assert len(found) == model.config.depth
    for ours, theirs in zip(found, expected, strict=True):
        assert theirs.abs().max() > 0
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


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


def test_the_explainer_gives_every_layers_attention_and_gradient():
    model = small_vit()
    keep = torch.ones(2, model.config.patches)
    weights = torch.zeros(2, TARGETS, model.config.classes)
    with torch.inference_mode():
        logits, attention, gradient = Explainer(model)(random_images(model), weights, keep)
        assert logits.shape == (2, 5)
        assert attention.shape == (2, 3, 2, 17, 17)
        assert gradient.shape == (2, TARGETS, 3, 2, 17, 17)
        torch.testing.assert_close(logits, model(random_images(model)), rtol=0, atol=1e-4)


def trained_vit():
    """The embedded model, with the weights that training gave it."""
    bundle = read_bundle(EMBEDDED_BUNDLES / "cifar10" / "1")
    shape = bundle.contract.architecture
    model = VisionTransformer(
        VisionTransformerConfig(
            image_size=shape.image_size,
            patch_size=shape.patch_size,
            width=shape.width,
            depth=shape.depth,
            heads=shape.heads,
            classes=len(bundle.contract.labels),
        )
    )
    model.load_state_dict(load_file(bundle.path("weights.safetensors")))
    return model.eval()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
def test_with_trained_weights_it_equals_autograd_too(dtype, tolerance):
    model = trained_vit().to(dtype)
    weights = torch.eye(10, dtype=dtype)[None, :TARGETS].expand(2, -1, -1)
    steps = model.steps(random_images(model))
    expected = autograd_gradients(steps, weights)
    for ours, theirs in zip(attention_gradients(model, steps, weights), expected, strict=True):
        assert theirs.abs().max() > 0
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)
