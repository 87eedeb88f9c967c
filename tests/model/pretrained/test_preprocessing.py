"""What the service does with pictures, against each family's own image processor.

transformers' processors for Pillow are the reference: those that do not need torchvision. A level
is one of 255. Pictures much larger than what the model sees are reduced before they are resized,
which the libraries do not do.
"""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image
from transformers import BitImageProcessorPil, DeiTImageProcessorPil, ViTImageProcessorPil

from model.pretrained.conversion import read_public_model
from model.pretrained.image_processor import read_processor
from model.pretrained.overrides import Overrides
from service.contract import Preprocessing
from service.decoding import ImageLimits
from service.errors import InvalidInput
from service.preprocess import preprocess
from tests.model.pretrained.photographs import CLOTHING, drawn_pictures, photographs
from tests.model.pretrained.saved import KINDS, saved

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
BILINEAR, BICUBIC = 2, 3
WORST_LEVELS = 0.001  # the same, but for the last digit of a float32
LARGE_WORST_LEVELS, LARGE_MEAN_LEVELS = 12, 1.0  # as service/preprocess.py states for large ones

PROCESSORS = {
    "ViT, stretched": lambda resample: ViTImageProcessorPil(resample=resample),
    "DeiT, stretched and cropped": lambda resample: DeiTImageProcessorPil(
        resample=resample, image_mean=MEAN, image_std=STD
    ),
    "DeiT, odd sizes": lambda resample: DeiTImageProcessorPil(
        resample=resample,
        size={"height": 257, "width": 251},
        crop_size={"height": 224, "width": 224},
    ),
    "DINOv2, shortest edge and cropped": lambda resample: BitImageProcessorPil(
        resample=resample,
        size={"shortest_edge": 256},
        image_mean=MEAN,
        image_std=STD,
    ),
    "DINOv2, an odd edge": lambda resample: BitImageProcessorPil(
        resample=resample, size={"shortest_edge": 235}
    ),
}  # fmt: skip


def difference(processor, data, tmp_path):
    """Give how far the two are from each other, in levels: the worst and the mean."""
    processor.save_pretrained(tmp_path)
    rules = read_processor(json.loads((tmp_path / "preprocessor_config.json").read_text()))
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    theirs = processor(picture, return_tensors="np")["pixel_values"][0]
    ours = preprocess(data, rules, ImageLimits())[1]
    levels = np.abs(theirs - ours) * np.asarray(rules.std)[:, None, None] * 255
    return levels.max(), levels.mean()


def check(processor, pictures, tmp_path):
    worst = max(difference(processor, data, tmp_path)[0] for data in pictures)
    assert worst <= WORST_LEVELS


@pytest.mark.parametrize("resample", [BILINEAR, BICUBIC])
@pytest.mark.parametrize("kind", PROCESSORS)
def test_drawn_pictures_of_odd_sizes_become_the_same_pixel_values(kind, resample, tmp_path):
    check(PROCESSORS[kind](resample), drawn_pictures(), tmp_path)


@pytest.mark.skipif(not CLOTHING.is_file(), reason=f"the photographs {CLOTHING} are not there")
@pytest.mark.parametrize("resample", [BILINEAR, BICUBIC])
@pytest.mark.parametrize("kind", PROCESSORS)
def test_photographs_become_the_same_pixel_values(kind, resample, tmp_path):
    check(PROCESSORS[kind](resample), photographs(), tmp_path)


@pytest.mark.parametrize("quality", [80, 95])
@pytest.mark.parametrize("kind", PROCESSORS)
def test_a_photograph_of_12_megapixels_differs_by_what_reducing_it_first_costs(
    kind, quality, tmp_path
):
    buffer = io.BytesIO()
    small = Image.open(io.BytesIO(drawn_pictures()[4]))
    small.resize((4000, 3000), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=quality)
    worst, mean = difference(PROCESSORS[kind](BICUBIC), buffer.getvalue(), tmp_path)
    assert worst <= LARGE_WORST_LEVELS
    assert mean <= LARGE_MEAN_LEVELS


@pytest.mark.parametrize("size", [(301, 224), (224, 303), (301, 303), (267, 229)])
def test_a_crop_of_timms_begins_where_that_of_torchvision_does(size):
    width, height = size
    levels = np.arange(height)[:, None, None] // 2 + np.arange(width)[None, :, None] // 3
    picture = Image.fromarray((levels + np.zeros(3)).astype(np.uint8))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    rules = Preprocessing(
        resize="exact",
        size=(height, width),
        crop=(224, 224),
        crop_rounding="even",
        mean=(0, 0, 0),
        std=(1, 1, 1),
    )
    top, left = round((height - 224) / 2.0), round((width - 224) / 2.0)  # as in torchvision
    expected = np.asarray(picture)[top : top + 224, left : left + 224].transpose(2, 0, 1) / 255
    found = preprocess(buffer.getvalue(), rules, ImageLimits())[1]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def rules_of(folder, **overrides):
    values = read_public_model(str(folder), Overrides(**overrides)).preprocessing
    return Preprocessing.model_validate(values)


def with_processor(folder, **values):
    saved(KINDS["ViT"], folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(values))


def test_flags_win_over_the_file(tmp_path):
    with_processor(tmp_path, size=32)
    rules = rules_of(
        tmp_path,
        resize="shortest_edge",
        size=40,
        interpolation="lanczos",
        rescale=0.5,
        mean=(0.1, 0.2, 0.3),
        std=(1, 2, 3),
    )
    assert (rules.resize, rules.size, rules.crop) == ("shortest_edge", (40, 40), (32, 32))
    assert (rules.interpolation, rules.rescale) == ("lanczos", 0.5)
    assert (rules.mean, rules.std) == ((0.1, 0.2, 0.3), (1, 2, 3))


def test_flags_that_do_not_fit_are_refused(tmp_path):
    with_processor(tmp_path, size=32)
    with pytest.raises(InvalidInput, match=r"crop \(32, 32\) is larger than size \(16, 16\)"):
        rules_of(tmp_path, size=16)


def test_another_image_size_keeps_the_share_that_is_seen(tmp_path):
    with_processor(tmp_path, image_processor_type="DeiTImageProcessor", size=36, crop_size=32)
    assert rules_of(tmp_path, image_size=64).size == (72, 72)


def test_a_processor_of_another_size_than_the_model_is_refused_with_the_remedy(tmp_path):
    with_processor(tmp_path, size=48)
    with pytest.raises(
        InvalidInput, match=r"image_size \(32, 32\).*gives \(48, 48\).*--image-size"
    ):
        rules_of(tmp_path)
    assert rules_of(tmp_path, image_size=48).crop == (48, 48)


def test_dinov2_sees_what_its_processor_crops(tmp_path):
    saved(KINDS["DINOv2"], tmp_path)
    values = {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 20}}
    values["crop_size"] = {"height": 16, "width": 16}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(values))
    public = read_public_model(str(tmp_path))
    assert public.shape.image_size == (16, 16)
    assert any(fact.what == "positions" for fact in public.facts)


def test_without_a_file_the_usual_of_the_family_is_assumed_with_a_warning(tmp_path):
    saved(KINDS["DeiT"], tmp_path)
    public = read_public_model(str(tmp_path))
    assert public.preprocessing["size"] == (37, 37)
    assert public.preprocessing["crop"] == (32, 32)
    assert any("no preprocessor_config.json tells" in warning for warning in public.warnings)
