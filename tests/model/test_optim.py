"""Every parameter is optimised once, the schedule rises and falls, the average follows."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from model.config import VisionTransformerConfig
from model.initialization import initialize
from model.optim import (
    WeightAverage,
    build_optimizers,
    parameter_groups,
    schedule_factor,
    set_learning_rate,
    take_step,
)
from model.vit import VisionTransformer


@pytest.fixture
def model() -> VisionTransformer:
    torch.manual_seed(0)
    model = VisionTransformer(
        VisionTransformerConfig(width=24, depth=2, heads=2, registers=1, layer_scale=0.1)
    )
    initialize(model, "truncated_normal")
    return model


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_every_parameter_is_optimised_exactly_once(model, name):
    optimizers = build_optimizers(model, name, 1e-3, 0.02, 0.05)
    optimised = [p for o in optimizers for group in o.param_groups for p in group["params"]]
    assert len(optimised) == len(set(optimised))
    assert set(optimised) == set(model.parameters())


def test_muon_takes_the_matrices_of_the_blocks_alone(model):
    groups = parameter_groups(model)
    assert {name.split(".", 2)[2] for name in groups.hidden} == {
        "attn.qkv.weight",
        "attn.proj.weight",
        "mlp.fc1.weight",
        "mlp.fc2.weight",
    }
    muon, _ = build_optimizers(model, "muon", 1e-3, 0.02, 0.05)
    assert set(muon.param_groups[0]["params"]) == set(groups.hidden.values())


def test_biases_norms_tokens_and_positions_do_not_decay(model):
    groups = parameter_groups(model)
    assert set(groups.embedding) == {"patch_embed.proj.weight", "head.weight"}
    assert {"cls_token", "reg_token", "pos_embed", "norm.weight", "head.bias"} <= set(
        groups.undecayed
    )
    for name in ("muon", "adamw"):
        for optimizer in build_optimizers(model, name, 1e-3, 0.02, 0.05):
            for group in optimizer.param_groups:
                undecayed = set(group["params"]) <= set(groups.undecayed.values())
                assert (group["weight_decay"] == 0) == undecayed


# the schedule


@pytest.mark.parametrize("decay", ["cosine", "linear"])
def test_the_learning_rate_rises_then_falls_to_zero(decay):
    factors = [schedule_factor(step / 100, 0.1, decay) for step in range(101)]
    assert factors[0] == 0
    assert factors[10] == pytest.approx(1)
    assert factors[:11] == sorted(factors[:11])
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert factors[100] == pytest.approx(0)
    assert factors[55] == pytest.approx(0.5)


def test_without_warm_up_it_starts_at_the_peak():
    assert schedule_factor(0.0, 0.0, "cosine") == 1


def test_beyond_the_end_it_stays_at_zero():
    assert schedule_factor(1.2, 0.1, "linear") == 0


def test_each_optimizer_keeps_its_own_peak(model):
    optimizers = build_optimizers(model, "muon", 1e-3, 0.02, 0.05)
    for factor in (0.5, 0.1):
        set_learning_rate(optimizers, factor)
    rates = [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]
    assert rates == pytest.approx([0.002, 1e-4, 1e-4])


# a step


def linear_with_gradient(value: float) -> nn.Linear:
    layer = nn.Linear(4, 4)
    for parameter in layer.parameters():
        parameter.grad = torch.full_like(parameter, value)
    return layer


def test_the_gradient_is_clipped_over_all_optimizers_together():
    layer = linear_with_gradient(10.0)
    before = layer.weight.detach().clone()
    optimizers = [torch.optim.SGD([parameter], lr=1.0) for parameter in layer.parameters()]
    take_step(optimizers, gradient_clip=1.0, scaler=None)
    assert torch.allclose(before - layer.weight, torch.full((4, 4), 20**-0.5), atol=1e-5)
    assert layer.weight.grad is None


def test_a_float16_scale_is_undone_before_clipping():
    layer = linear_with_gradient(2.0)
    before = layer.weight.detach().clone()
    scaler = torch.amp.GradScaler("cpu", init_scale=16.0)
    scaler.scale(torch.zeros(()))
    optimizers = [torch.optim.SGD([parameter], lr=1.0) for parameter in layer.parameters()]
    take_step(optimizers, gradient_clip=100.0, scaler=scaler)
    assert torch.allclose(before - layer.weight, torch.full((4, 4), 2 / 16))


def test_a_step_whose_gradient_is_not_finite_is_skipped():
    layer = linear_with_gradient(float("inf"))
    before = layer.weight.detach().clone()
    scaler = torch.amp.GradScaler("cpu", init_scale=16.0)
    scaler.scale(torch.zeros(()))
    take_step([torch.optim.SGD(layer.parameters(), lr=1.0)], 1.0, scaler)
    assert torch.equal(layer.weight, before)
    assert scaler.get_scale() == 8.0


# the average


def test_the_average_follows_slowly_and_faster_at_the_start():
    layer = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(layer.weight)
    average = WeightAverage(layer, decay=0.9)
    nn.init.ones_(layer.weight)
    average.update(layer, steps=1)
    assert average.weights["weight"].item() == pytest.approx(1 - 2 / 11)
    settled = WeightAverage(nn.Linear(1, 1, bias=False), decay=0.9)
    settled.weights["weight"].zero_()
    settled.update(layer, steps=10_000)
    assert settled.weights["weight"].item() == pytest.approx(0.1)


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_with_layer_decay_each_block_moves_less_than_the_one_behind_it(model, name):
    optimizers = build_optimizers(model, name, 1e-3, 0.02, 0.05, layer_decay=0.5)
    rates = {
        parameter: group["lr"]
        for optimizer in optimizers
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    assert rates.keys() == set(model.parameters())
    hidden = 0.02 if name == "muon" else 1e-3
    named = {each: rates[parameter] for each, parameter in model.named_parameters()}
    assert named["head.weight"] == named["head.bias"] == named["norm.weight"] == 1e-3
    for block, share in ((1, 0.5), (0, 0.25)):
        assert named[f"blocks.{block}.attn.qkv.weight"] == pytest.approx(share * hidden)
        assert named[f"blocks.{block}.attn.qkv.bias"] == pytest.approx(share * 1e-3)
    assert named["patch_embed.proj.weight"] == named["pos_embed"] == pytest.approx(1e-3 / 8)


def test_the_schedule_keeps_the_layers_apart(model):
    optimizers = build_optimizers(model, "adamw", 1e-3, 0.02, 0.05, layer_decay=0.5)
    set_learning_rate(optimizers, 0.1)
    rates = sorted({group["lr"] for group in optimizers[0].param_groups})
    assert rates == pytest.approx([1.25e-5, 2.5e-5, 5e-5, 1e-4])


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_what_is_frozen_is_not_optimised(model, name):
    model.requires_grad_(False)
    model.head.requires_grad_(True)
    (optimizer,) = build_optimizers(model, name, 1e-3, 0.02, 0.05)
    optimised = {p for group in optimizer.param_groups for p in group["params"]}
    assert optimised == set(model.head.parameters())
