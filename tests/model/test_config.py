"""The shape of a Vision Transformer."""

import pytest

from model.config import VisionTransformerConfig


def test_tokens_are_the_class_token_the_registers_and_the_patches():
    config = VisionTransformerConfig(image_size=(24, 40), patch_size=8, registers=2)
    assert config.grid == (3, 5)
    assert config.patches == 15
    assert config.prefix_tokens == 3
    assert config.tokens == 18


@pytest.mark.parametrize(("registers", "prefix"), [(0, 0), (4, 4)])
def test_without_a_class_token_only_registers_come_before_the_patches(registers, prefix):
    config = VisionTransformerConfig(class_token=False, pooling="mean", registers=registers)
    assert config.prefix_tokens == prefix
    assert config.tokens == prefix + config.patches


@pytest.mark.parametrize(
    ("pooling", "times"),
    [
        ("class_token", 1),
        ("mean", 1),
        ("class_token_and_mean", 2),
        ("class_and_distillation_token", 2),
    ],
)
def test_the_head_reads_one_width_or_two_beside_each_other(pooling, times):
    config = VisionTransformerConfig(width=48, pooling=pooling, registers=1)
    assert config.readout_width == 48 * times


def test_a_shape_that_was_written_before_there_were_others_reads_as_it_was():
    written = VisionTransformerConfig().to_dict()
    for added in ("class_token", "norm_after_pooling", "pre_norm"):
        del written[added]
    assert VisionTransformerConfig.from_dict(written) == VisionTransformerConfig()


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
        ({"registers": -1}, "registers is -1"),
        ({"pooling": "max"}, "pooling is 'max'; choose 'class_token', 'mean',"),
        ({"class_token": False}, "class_token is False .*; choose pooling 'mean'"),
        (
            {"class_token": False, "pooling": "class_token_and_mean"},
            "pooling 'class_token_and_mean' reads a class token",
        ),
        (
            {"pooling": "class_and_distillation_token"},
            "registers is 0 .* reads the first register; choose registers of at least 1",
        ),
        ({"norm_after_pooling": True}, "norm_after_pooling is True with pooling 'class_token'"),
    ],
)
def test_values_that_do_not_fit_are_refused_by_name(changes, named):
    with pytest.raises(ValueError, match=named):
        VisionTransformerConfig(**changes)


def test_everything_that_does_not_fit_is_told_at_once():
    told = "patch_size is 0; .*heads is 0; .*class_token is False .*norm_after_pooling is True"
    with pytest.raises(ValueError, match=told):
        VisionTransformerConfig(patch_size=0, heads=0, class_token=False, norm_after_pooling=True)
