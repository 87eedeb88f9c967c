"""`preprocessor_config.json` in its many forms."""

from __future__ import annotations

import pytest

from model.pretrained.image_processor import family_preprocessing, read_processor
from service.errors import InvalidInput

VIT = {"image_processor_type": "ViTImageProcessor"}
DEIT = {"image_processor_type": "DeiTImageProcessor"}
BIT = {"image_processor_type": "BitImageProcessor"}


@pytest.mark.parametrize(
    ("told", "resize", "size", "crop"),
    [
        (VIT, "exact", (224, 224), (224, 224)),
        ({**VIT, "size": 384}, "exact", (384, 384), (384, 384)),
        ({**VIT, "size": {"height": 32, "width": 48}}, "exact", (32, 48), (32, 48)),
        ({"feature_extractor_type": "ViTFeatureExtractor"}, "exact", (224, 224), (224, 224)),
        ({"image_processor_type": "ViTImageProcessorFast"}, "exact", (224, 224), (224, 224)),
        ({}, "exact", (224, 224), (224, 224)),
        (DEIT, "exact", (256, 256), (224, 224)),
        ({**DEIT, "size": 256, "crop_size": 224}, "exact", (256, 256), (224, 224)),
        ({**DEIT, "do_center_crop": False}, "exact", (256, 256), (256, 256)),
        (BIT, "shortest_edge", (224, 224), (224, 224)),
        ({**BIT, "size": 256}, "shortest_edge", (256, 256), (224, 224)),
        (
            {**BIT, "size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 192}},
            "shortest_edge", (256, 256), (224, 192),
        ),
        ({**BIT, "size": {"height": 256, "width": 256}}, "exact", (256, 256), (224, 224)),
    ],
)  # fmt: skip
def test_sizes_are_read_in_every_form(told, resize, size, crop):
    rules = read_processor(told)
    assert (rules.resize, rules.size, rules.crop) == (resize, size, crop)


@pytest.mark.parametrize(
    ("code", "name"), [(0, "nearest"), (1, "lanczos"), (2, "bilinear"), (3, "bicubic")]
)
def test_codes_of_interpolations_are_pillows(code, name):
    assert read_processor({**VIT, "resample": code}).interpolation == name


def test_levels_may_stay_as_they_are():
    rules = read_processor({**VIT, "do_rescale": False, "do_normalize": False})
    assert (rules.rescale, rules.mean, rules.std) == (1.0, (0, 0, 0), (1, 1, 1))


def test_a_factor_mean_and_deviation_are_taken():
    rules = read_processor(
        {**VIT, "rescale_factor": 0.5, "image_mean": [0.1, 0.2, 0.3], "image_std": [1, 2, 3]}
    )
    assert (rules.rescale, rules.mean, rules.std) == (0.5, (0.1, 0.2, 0.3), (1, 2, 3))


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"do_resize": False}, "do_resize"),
        ({"resample": 4}, "resample"),
        ({"resample": 5}, "resample"),
        ({"size": {"longest_edge": 224}}, "size"),
        ({"size": {"shortest_edge": 224, "longest_edge": 448}}, "size"),
        ({"do_pad": True}, "do_pad"),
        ({"crop_pct": 0.875}, "crop_pct"),
        ({"do_flip_channel_order": True}, "do_flip_channel_order"),
        ({"crop_size": "large"}, "crop_size"),
        ({"do_center_crop": False}, "do_center_crop"),
    ],
)
def test_what_is_not_served_is_refused_by_its_key(changes, pointer):
    with pytest.raises(InvalidInput) as refused:
        read_processor({**BIT, **changes})
    assert pointer in [error.pointer for error in refused.value.errors]
    assert f"{pointer}: " in refused.value.detail


def test_everything_that_is_not_served_is_told_at_once():
    with pytest.raises(InvalidInput) as refused:
        read_processor({**BIT, "do_resize": False, "resample": 4, "do_pad": True})
    assert {error.pointer for error in refused.value.errors} == {"do_pad", "do_resize", "resample"}


def test_a_crop_that_would_have_to_be_padded_is_refused():
    with pytest.raises(InvalidInput, match=r"crop \(300, 300\) is larger than size"):
        read_processor({**DEIT, "crop_size": 300})


def test_a_deviation_of_zero_is_refused():
    with pytest.raises(InvalidInput, match=r"std\.1: Input should be greater than 0"):
        read_processor({**VIT, "image_std": [0.5, 0, 0.5]})


def test_a_processor_of_another_type_is_refused_by_name():
    with pytest.raises(InvalidInput, match=r"of type SamImageProcessor; those of ViT, DeiT, Bit"):
        read_processor({"image_processor_type": "SamImageProcessor"})


def test_the_usual_of_a_family_keeps_its_share_for_another_size():
    rules = family_preprocessing("dinov2", 448)
    assert (rules.size, rules.crop) == ((512, 512), (448, 448))
