"""What the names of timm's models tell."""

from __future__ import annotations

import pytest

from model.pretrained.timm_names import heads_of, is_pooled_by_mean, plain_name
from service.errors import InvalidInput


@pytest.mark.parametrize(
    ("name", "heads"),
    [
        ("vit_tiny_patch16_224", 3),
        ("vit_small_patch16_36x1_224", 6),
        ("vit_base_patch8_224", 12),
        ("vit_base_patch16_gap_224", 16),
        ("vit_base_patch16_reg4_gap_256", 12),
        ("vit_base_patch16_plus_240", 14),
        ("vit_large_patch14_clip_336", 16),
        ("vit_huge_patch14_224", 16),
        ("vit_wee_patch16_reg1_gap_256", 4),
        ("vit_little_patch16_reg4_gap_256", 5),
        ("vit_mediumd_patch16_reg4_gap_384", 8),
        ("vit_betwixt_patch32_clip_224", 10),
        ("vit_so150m2_patch16_reg1_gap_448", 13),
        ("vit_so400m_patch14_reg1_tipsv2", 16),
        ("deit_tiny_distilled_patch16_224", 3),
        ("deit3_medium_patch16_224", 8),
        ("flexivit_large", 16),
        ("eva_large_patch14_336", 16),
        ("test_vit", 2),
        ("eva_giant_patch14_224", None),
        ("resnet50", None),
        ("vit_base", 12),
    ],
)
def test_a_name_tells_the_heads(name, heads):
    assert heads_of(name) == heads


def test_a_tag_and_an_owner_do_not_count():
    assert plain_name("timm/vit_tiny_patch16_224.augreg_in21k") == "vit_tiny_patch16_224"


def test_an_unknown_name_says_which_are_known():
    with pytest.raises(InvalidInput, match=r"mystery cannot be served.*names begin with vit_"):
        plain_name("mystery")


def test_models_of_a_name_may_read_the_mean_beside_a_class_token():
    assert is_pooled_by_mean("eva_large_patch14_196")
    assert is_pooled_by_mean("vit_medium_patch16_gap_256")
    assert not is_pooled_by_mean("vit_base_patch16_224")
