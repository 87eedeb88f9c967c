"""The drawn map: where it lies, its colours, its scale."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from service.heatmap import Scale, color, draw_heatmap, drawn_size, encode_png

DARKEST, BRIGHTEST = (0x00, 0x22, 0x4E), (0xFE, 0xE8, 0x38)  # the ends of cividis


def test_the_colours_run_from_one_end_of_cividis_to_the_other() -> None:
    ends = color(np.array([0, 1], np.float32))
    assert tuple(ends[0]) == DARKEST
    assert tuple(ends[1]) == BRIGHTEST


def test_the_colours_grow_brighter_all_the_way() -> None:
    light = color(np.linspace(0, 1, 256, dtype=np.float32)) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(light) >= -0.5).all()


def test_shares_span_the_scores() -> None:
    scores = np.array([[-2, 0], [1, 2]], np.float32)
    np.testing.assert_allclose(Scale.of(scores).shares(scores), [[0, 0.5], [0.75, 1]])


def test_a_constant_map_has_shares_of_zero() -> None:
    scores = np.full((2, 2), 0.3, np.float32)
    assert Scale.of(scores).is_constant
    np.testing.assert_array_equal(Scale.of(scores).shares(scores), 0)


@pytest.mark.parametrize(
    ("size", "drawn"),
    [
        ((32, 16), (256, 128)),
        ((500, 400), (500, 400)),
        ((4096, 1), (1024, 1)),
        ((1, 1), (256, 256)),
    ],
)
def test_small_pictures_are_enlarged_and_large_ones_reduced(size, drawn) -> None:
    assert drawn_size(*size) == drawn


def test_only_the_part_that_the_model_saw_is_coloured() -> None:
    picture = Image.new("RGB", (400, 300), (200, 10, 10))
    scores = np.array([[0, 1], [0, 1]], np.float32)
    drawn = draw_heatmap(picture, scores, (50, 0, 350, 300), (400, 300), alpha=1)
    assert drawn.getpixel((10, 150)) == (200, 10, 10)
    assert drawn.getpixel((390, 150)) == (200, 10, 10)
    assert drawn.getpixel((51, 150)) == DARKEST
    assert drawn.getpixel((348, 150)) == BRIGHTEST


def test_alpha_zero_leaves_the_picture_as_it_is() -> None:
    picture = Image.new("RGB", (300, 300), (200, 10, 10))
    drawn = draw_heatmap(
        picture, np.eye(3, dtype=np.float32), (0, 0, 300, 300), (300, 300), alpha=0
    )
    assert drawn.crop((0, 0, 300, 300)).getcolors() == [(90_000, (200, 10, 10))]


def test_the_colour_bar_has_the_brightest_above_the_darkest() -> None:
    picture = Image.new("RGB", (300, 200))
    drawn = draw_heatmap(picture, np.eye(2, dtype=np.float32), (0, 0, 300, 200), (300, 200))
    bar = drawn.crop((312, 12, 332, 188))
    assert bar.getpixel((5, 0)) == BRIGHTEST
    assert bar.getpixel((5, bar.height - 1)) == DARKEST


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (2, 3000)])
def test_extreme_pictures_are_drawn(size) -> None:
    drawn = draw_heatmap(Image.new("RGB", size), np.eye(2, dtype=np.float32), (0, 0, *size), size)
    assert drawn.height >= 48


def test_metadata_travels_in_the_text_chunk() -> None:
    data = encode_png(Image.new("RGB", (2, 2)), '{"scores": []}')
    assert Image.open(io.BytesIO(data)).text == {"vitrine": '{"scores": []}'}
