"""The colours that shares of a scale have."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from service.drawing.colormap import DIVERGING, ColormapName, color, lookup_table, nearest_levels

SEQUENTIAL = get_args(ColormapName)
ENDS = {
    "cividis": ((0x00, 0x22, 0x4E), (0xFE, 0xE8, 0x38)),
    "viridis": ((0x44, 0x01, 0x54), (0xFD, 0xE7, 0x25)),
    "magma": ((0x00, 0x00, 0x04), (0xFC, 0xFD, 0xBF)),
    "inferno": ((0x00, 0x00, 0x04), (0xFC, 0xFF, 0xA4)),
    "turbo": ((0x30, 0x12, 0x3B), (0x7A, 0x04, 0x03)),
}


def lightness(name) -> np.ndarray:
    """CIELAB L* of the 256 levels, in [0, 100]."""
    coded = lookup_table(name) / 255
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    root = np.cbrt(luminance)
    return np.where(luminance > 216 / 24389, 116 * root - 16, luminance * 24389 / 27)


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_the_colours_run_from_one_end_of_the_map_to_the_other(name) -> None:
    first, last = color(np.array([0, 1], np.float32), name)
    assert (tuple(first), tuple(last)) == ENDS[name]


@pytest.mark.parametrize("name", [name for name in SEQUENTIAL if name != "turbo"])
def test_the_colours_grow_lighter_all_the_way(name) -> None:
    # stops are whole numbers of 255, so that a level may be a hair darker than the one before
    assert (np.diff(lightness(name)) > -0.1).all()
    assert lightness(name)[-1] - lightness(name)[0] > 60


def test_turbo_is_lightest_in_the_middle() -> None:
    assert 96 < lightness("turbo").argmax() < 160


def test_the_diverging_map_is_as_light_on_both_sides() -> None:
    light = lightness(DIVERGING)
    np.testing.assert_allclose(light, light[::-1], atol=1)
    assert (np.diff(light[:128]) > 0).all()


def test_the_diverging_map_is_blue_below_zero_and_orange_above() -> None:
    below, above = color(np.array([0, 1], np.float32), DIVERGING).astype(int)
    assert below[2] > below[1] > below[0] + 50
    assert above[0] > above[1] > above[2] + 50


def test_the_centre_of_the_diverging_map_is_light_and_without_colour() -> None:
    centre = color(np.float32(0.5), DIVERGING)
    assert centre.min() == centre.max() == 0xEE


def test_ends_of_the_diverging_map_differ_without_red_green_vision() -> None:
    # what is left to a dichromat is, in the main, lightness and blue against yellow
    below, above = color(np.array([0, 1], np.float32), DIVERGING).astype(int)
    assert (2 * below[2] - below[0] - below[1]) - (2 * above[2] - above[0] - above[1]) > 300


def test_the_table_is_made_once_and_cannot_be_written_to() -> None:
    assert lookup_table("magma") is lookup_table("magma")
    with pytest.raises(ValueError, match="read-only"):
        lookup_table("magma")[0] = 0


def test_shares_beyond_the_ends_have_the_colour_of_the_end() -> None:
    assert nearest_levels(np.array([-1, 2], np.float32)).tolist() == [0, 255]


@given(
    arrays.arrays(np.float32, arrays.array_shapes(max_dims=3), elements=st.floats(0, 1, width=32))
)
def test_every_share_has_the_colour_of_its_nearest_level(shares) -> None:
    colors = color(shares, "viridis")
    assert colors.shape == (*shares.shape, 3)
    assert colors.dtype == np.uint8
    assert (np.abs(nearest_levels(shares) / 255 - shares) <= 0.5 / 255 + 1e-6).all()
