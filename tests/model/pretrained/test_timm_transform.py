"""timm's `pretrained_cfg`: how pictures become pixel values."""

from __future__ import annotations

import pytest

from model.pretrained.timm_transform import read_transform, usual_transform
from service.errors import InvalidInput


@pytest.mark.parametrize(
    ("told", "resize", "size"),
    [
        ({"crop_pct": 0.9}, "shortest_edge", (248, 248)),
        ({"crop_pct": 1.0}, "shortest_edge", (224, 224)),
        ({}, "shortest_edge", (256, 256)),
        ({"crop_pct": 0.95, "crop_mode": "squash"}, "exact", (235, 235)),
        ({"crop_pct": 1.0, "crop_mode": "squash"}, "exact", (224, 224)),
        ({"crop_mode": "center"}, "shortest_edge", (256, 256)),
    ],
)
def test_the_share_of_the_crop_gives_the_size(told, resize, size):
    rules = read_transform(told, (224, 224))
    assert (rules.resize, rules.size, rules.crop) == (resize, size, (224, 224))
    assert rules.crop_rounding == "even"


def test_interpolation_mean_and_deviation_are_taken():
    told = {"interpolation": "bilinear", "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}
    rules = read_transform(told, (224, 224))
    assert rules.interpolation == "bilinear"
    assert (rules.mean, rules.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


def test_everything_that_is_not_served_is_told_at_once():
    told = {
        "crop_mode": "border", "interpolation": "hamming", "crop_pct": 1.2, "crop_border_pixels": 4
    }  # fmt: skip
    with pytest.raises(InvalidInput) as refused:
        read_transform(told, (224, 224))
    assert [error.pointer for error in refused.value.errors] == list(told)


def test_pictures_that_are_not_square_are_refused_where_the_aspect_is_kept():
    with pytest.raises(InvalidInput, match="224 x 112"):
        read_transform({}, (224, 112))
    assert read_transform({"crop_mode": "squash", "crop_pct": 1}, (224, 112)).size == (224, 112)


@pytest.mark.parametrize(
    ("name", "size", "share", "mean"),
    [
        ("vit_base_patch16_224", 224, 0.9, 0.5),
        ("vit_base_patch16_384", 384, 1.0, 0.5),
        ("deit_tiny_patch16_224", 224, 0.9, 0.485),
        ("deit3_small_patch16_224", 224, 1.0, 0.485),
        ("vit_base_patch14_reg4_dinov2", 518, 1.0, 0.485),
        ("vit_base_patch16_clip_224", 224, 0.9, 0.48145466),
    ],
)
def test_what_is_usual_for_a_name(name, size, share, mean):
    usual = usual_transform(name, (size, size))
    assert (usual["crop_pct"], usual["mean"][0]) == (share, mean)
