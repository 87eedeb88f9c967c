"""Muon makes the steps of torch's own, in the precision asked for."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from model.muon import Muon, orthogonalized


@pytest.mark.parametrize("shape", [(24, 8), (8, 24), (16, 16)])
def test_in_bfloat16_it_makes_the_steps_of_torch_s_own(shape):
    torch.manual_seed(0)
    start, gradients = torch.randn(shape), torch.randn(5, *shape)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    optimizers = (
        Muon([ours], lr=0.02, weight_decay=0.1, dtype=torch.bfloat16),
        torch.optim.Muon([theirs], lr=0.02, weight_decay=0.1, adjust_lr_fn="original"),
    )
    for gradient in gradients:
        for parameter, optimizer in zip((ours, theirs), optimizers, strict=True):
            parameter.grad = gradient.clone()
            optimizer.step()
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_in_float32_an_update_hardly_depends_on_rounding():
    torch.manual_seed(0)
    matrix = torch.randn(32, 16)
    nearly = matrix * (1 + 1e-7 * torch.randn(32, 16))
    change = (orthogonalized(matrix, torch.float32) - orthogonalized(nearly, torch.float32)).abs()
    assert 0 < change.max() < 1e-5


@pytest.mark.parametrize("shape", [(24, 8), (8, 24)])
def test_an_update_has_singular_values_near_one(shape):
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalized(torch.randn(shape), torch.float32))
    assert values.min() > 0.5
    assert values.max() < 1.5


def test_a_parameter_without_a_gradient_stays():
    parameter = nn.Parameter(torch.ones(2, 2))
    Muon([parameter], lr=0.1, weight_decay=0.1).step()
    assert torch.equal(parameter, torch.ones(2, 2))
