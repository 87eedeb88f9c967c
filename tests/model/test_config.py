"""The shape of a Vision Transformer."""

import pytest

from model.config import VisionTransformerConfig


def test_tokens_are_the_class_token_the_registers_and_the_patches():
    config = VisionTransformerConfig(image_size=(24, 40), patch_size=8, registers=2)
    assert config.grid == (3, 5)
    assert config.patches == 15
    assert config.prefix_tokens == 3
    assert config.tokens == 18


def test_the_width_splits_into_heads():
    assert VisionTransformerConfig(width=192, heads=3).head_width == 64


def test_it_survives_being_written_and_read_back():
    config = VisionTransformerConfig(image_size=(24, 40), patch_size=8, layer_scale=0.1)
    assert VisionTransformerConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"image_size": (30, 32)}, "image_size .30, 32. is not a multiple of patch_size 4"),
        ({"width": 190}, "width 190 does not split into 3 heads"),
        ({"depth": 0}, "depth is 0"),
        ({"patch_drop": 1.0}, "patch_drop is 1.0"),
        ({"drop_path": -0.1}, "drop_path is -0.1"),
        ({"pooling": "max"}, "pooling is 'max'"),
    ],
)
def test_values_that_do_not_fit_are_refused_by_name(changes, named):
    with pytest.raises(ValueError, match=named):
        VisionTransformerConfig(**changes)
