"""Each change of a policy is Pillow's, and each image gets its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from model.draws import Draws
from model.policy import (
    CHANGES,
    auto_contrast,
    brightness,
    change_by_policy,
    change_each,
    colour,
    contrast,
    equalize,
    identity,
    posterize,
    rotate,
    sharpness,
    shear_across,
    shear_down,
    solarize,
    translate_across,
    translate_down,
)


@pytest.fixture
def picture() -> Image.Image:
    """Soft colours within 40 to 200, so that every change shows."""
    noise = np.random.default_rng(0).integers(40, 200, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((24, 24), Image.Resampling.BICUBIC)


def levels(picture: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 255


def close(found: torch.Tensor, expected: Image.Image, most: float = 2.01) -> bool:
    return float((found.clamp(0, 1) - levels(expected)).abs().max()) * 255 <= most


AMOUNT = torch.tensor([0.5])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (identity, lambda picture: picture),
        (auto_contrast, ImageOps.autocontrast),
        (equalize, ImageOps.equalize),
        (solarize, lambda picture: ImageOps.solarize(picture, 128)),
        (posterize, lambda picture: ImageOps.posterize(picture, 6)),
        (brightness, lambda picture: ImageEnhance.Brightness(picture).enhance(1.45)),
        (colour, lambda picture: ImageEnhance.Color(picture).enhance(1.45)),
        (contrast, lambda picture: ImageEnhance.Contrast(picture).enhance(1.45)),
        (sharpness, lambda picture: ImageEnhance.Sharpness(picture).enhance(1.45)),
    ],
)
def test_colours_change_as_in_pillow(picture, change, expected):
    assert close(change(levels(picture), AMOUNT), expected(picture))


@pytest.mark.parametrize(
    ("change", "matrix"),
    [
        # Pillow counts from the corner, so the middle, 12, is taken away and added again
        (shear_across, (1, 0.15, -0.15 * 12, 0, 1, 0)),
        (shear_down, (1, 0, 0, 0.15, 1, -0.15 * 12)),
        (translate_across, (1, 0, 0.15 * 24, 0, 1, 0)),
        (translate_down, (1, 0, 0, 0, 1, 0.15 * 24)),
    ],
)
def test_shapes_change_as_in_pillow(picture, change, matrix):
    expected = picture.transform(
        picture.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
    )
    inside = (slice(None), slice(None), slice(2, -2), slice(2, -2))
    both = expected_inside, found = (
        levels(expected)[inside],
        change(levels(picture), AMOUNT)[inside],
    )
    shown = (both[0] > 0) & (both[1] > 0)
    assert shown.float().mean() > 0.5
    assert (found - expected_inside)[shown].abs().median() * 255 < 1.5


def test_a_turn_is_by_up_to_thirty_degrees(picture):
    turned = rotate(levels(picture), torch.tensor([1.0]))
    one, other = (levels(picture.rotate(angle, Image.Resampling.BILINEAR)) for angle in (30, -30))
    off = [float((turned - each)[..., 8:16, 8:16].abs().max()) * 255 for each in (one, other)]
    assert min(off) < 3 < max(off)


@pytest.mark.parametrize("change", [brightness, colour, contrast, sharpness, rotate, posterize])
def test_an_amount_of_nothing_changes_nothing(picture, change):
    image = levels(picture)
    assert torch.allclose(change(image, torch.zeros(1)), image, atol=1e-5)


@pytest.mark.parametrize("change", [auto_contrast, equalize])
def test_one_colour_stays_one_colour(change):
    plain = torch.full((1, 3, 8, 8), 0.4)
    assert torch.equal(change(plain, AMOUNT), plain)


def test_each_image_gets_its_own_change():
    images = torch.rand(len(CHANGES), 3, 16, 16)
    chosen, amounts = torch.arange(len(CHANGES)), torch.linspace(-1, 1, len(CHANGES))
    together = change_each(images, chosen, amounts)
    for number in range(len(CHANGES)):
        one = slice(number, number + 1)
        alone = change_each(images[one], chosen[one], amounts[one])
        assert torch.allclose(together[one], alone, atol=1e-6)


@pytest.mark.parametrize(("policy", "most"), [("trivial_augment", 1), ("rand_augment", 2)])
def test_a_policy_leaves_few_images_as_they_are(policy, most):
    images = torch.rand(700, 3, 24, 24)
    changed = change_by_policy(images, policy, Draws(0, 0, 700))
    same = (changed == images).flatten(1).all(dim=1).float().mean()
    assert same < 0.15 / most
