"""The learning rate falls by one factor a layer, from the head to the patches."""

from __future__ import annotations

import pytest

from model.layer_decay import layer_number, layer_scales
from tests.model.vits import small_vit


def test_the_head_takes_all_and_each_layer_before_it_a_factor_less():
    model = small_vit(depth=3, registers=1)
    scales = layer_scales([name for name, _ in model.named_parameters()], 0.5)
    assert {scales["head.weight"], scales["head.bias"], scales["norm.weight"]} == {1.0}
    assert [scales[f"blocks.{index}.mlp.fc1.weight"] for index in range(3)] == [0.125, 0.25, 0.5]
    first = ("patch_embed.proj.weight", "cls_token", "reg_token", "pos_embed")
    assert {scales[name] for name in first} == {0.0625}


def test_without_decay_all_take_the_same():
    model = small_vit()
    assert set(layer_scales(dict(model.named_parameters()), 1.0).values()) == {1.0}


@pytest.mark.parametrize(
    ("name", "number"),
    [("norm_pre.weight", 0), ("blocks.10.norm1.weight", 11), ("fc_norm.bias", 13)],
)
def test_layers_are_numbered_from_the_patches(name, number):
    assert layer_number(name, depth=12) == number
