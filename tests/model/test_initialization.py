"""Training starts from plain or from mimetic weights."""

from __future__ import annotations

import pytest
import torch

from model.config import VisionTransformerConfig
from model.initialization import initialize, sinusoidal_positions
from model.vit import VisionTransformer


def started(name: str, **changes: object) -> VisionTransformer:
    torch.manual_seed(0)
    model = VisionTransformer(
        VisionTransformerConfig(width=96, depth=2, heads=3, **changes)  # type: ignore[arg-type]
    )
    initialize(model, name)  # type: ignore[arg-type]
    return model


def diagonal_and_rest(matrix: torch.Tensor) -> tuple[float, float]:
    diagonal = matrix.diagonal()
    rest = matrix - torch.diag(diagonal)
    return diagonal.mean().item(), rest.mean().item()


def test_mimetic_queries_and_keys_of_alike_tokens_agree():
    attention = started("mimetic").blocks[0].attn
    query, key, _ = attention.qkv.weight.chunk(3)
    for head in range(3):
        rows = slice(32 * head, 32 * (head + 1))
        product = query[rows].T @ key[rows]  # [d, d], of rank 32
        diagonal, rest = diagonal_and_rest(product)
        assert diagonal > 0.3
        assert abs(rest) < 0.02


def test_mimetic_value_and_projection_nearly_negate():
    attention = started("mimetic").blocks[1].attn
    _, _, value = attention.qkv.weight.chunk(3)
    diagonal, rest = diagonal_and_rest(value.T @ attention.proj.weight.T)
    assert diagonal == pytest.approx(-0.4, abs=0.05)
    assert abs(rest) < 0.01


def test_mimetic_positions_are_alike_where_they_are_near():
    model = started("mimetic")
    positions = model.pos_embed[0, 1:].reshape(8, 8, -1)
    to_corner = positions @ positions[0, 0]
    assert torch.all(to_corner[0, :4].diff() < 0)
    assert torch.all(to_corner[:4, 0].diff() < 0)
    assert to_corner[0, 4:].max() < to_corner[0, 2]
    assert torch.all(model.pos_embed[0, 0] == 0)


def test_a_width_that_four_does_not_divide_keeps_zeros_at_the_end():
    positions = sinusoidal_positions((2, 3), 10)
    assert positions.shape == (6, 10)
    assert torch.all(positions[:, 8:] == 0)
    assert torch.all(sinusoidal_positions((2, 2), 3) == 0)


@pytest.mark.parametrize("name", ["truncated_normal", "mimetic"])
def test_every_class_starts_equally_likely(name):
    logits = started(name).eval()(torch.randn(2, 3, 32, 32))
    assert torch.all(logits == 0)


def test_plain_matrices_are_small_and_biases_zero():
    model = started("truncated_normal", registers=2)
    weight = model.blocks[0].mlp.fc1.weight
    assert weight.std().item() == pytest.approx(0.0176, abs=0.001)  # 0.02 cut at two deviations
    assert weight.abs().max() <= 0.04
    assert torch.all(model.blocks[0].attn.qkv.bias == 0)
    assert model.reg_token is not None
    assert model.reg_token.abs().max() > 0


def test_the_same_seed_gives_the_same_weights():
    one, other = (started("mimetic").state_dict() for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_positions_without_a_class_token_are_the_patches_alone():
    model = started("mimetic", class_token=False, pooling="mean", registers=1)
    assert torch.equal(model.pos_embed[0], sinusoidal_positions((8, 8), 96))
    assert 0 < model.reg_token.abs().max() < 1e-4
