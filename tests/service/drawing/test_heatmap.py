"""The drawn map: where it lies, its overlays, its colour bar, its file."""

from __future__ import annotations

import io
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from service.drawing.heatmap import Drawing, Scale, draw_heatmap, drawn_size, encode_png
from service.drawing.options import Overlay
from service.errors import InvalidParameter

OVERLAYS = get_args(Overlay)
DARKEST, BRIGHTEST = (0x00, 0x22, 0x4E), (0xFE, 0xE8, 0x38)  # the ends of cividis
NEUTRAL = (0xEE, 0xEE, 0xEE)  # the centre of blue-orange
BLUEST, MOST_ORANGE = (0x08, 0x7D, 0xBB), (0xBB, 0x5D, 0x02)
FRAME_PIXELS = 2


def noise(width, height) -> Image.Image:
    """A picture of which no two pixels are alike, near enough."""
    shape = (height, width, 3)
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, np.uint8))


def drawn(picture, scores, *, box=None, signed=False, **values) -> np.ndarray:
    """The pixels of a map over a picture: int [rows, columns, 3]."""
    scores = np.asarray(scores, np.float32)
    drawing = Drawing(**{"colorbar": False, **values})
    scale = Scale.of(scores, signed=signed, clip=drawing.clip, fixed=drawing.fixed_scale)
    box = box or (0, 0, *picture.size)
    return np.asarray(draw_heatmap(picture, scores, box, picture.size, drawing, scale)).astype(int)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((32, 16), (256, 128)),
        ((500, 400), (500, 400)),
        ((4096, 1), (1024, 1)),
        ((1, 1), (256, 256)),
    ],
)
def test_small_pictures_are_enlarged_and_large_ones_reduced(size, expected) -> None:
    assert drawn_size(*size) == expected


@pytest.mark.parametrize(
    ("size", "longer", "expected"),
    [((32, 16), 1024, (1024, 512)), ((3000, 1500), 3000, (3000, 1500)), ((600, 300), 64, (64, 32))],
)
def test_a_size_is_that_of_the_longer_side(size, longer, expected) -> None:
    assert drawn_size(*size, longer) == expected


@pytest.mark.parametrize(("longest", "largest"), [(32, 1024), (3000, 3000)])
def test_a_size_beyond_the_original_is_refused_with_the_largest(longest, largest) -> None:
    assert max(drawn_size(longest, 10, largest)) == largest
    with pytest.raises(InvalidParameter, match=f"{largest + 1} is more than the {largest} pixels"):
        drawn_size(longest, 10, largest + 1)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_outside_of_the_crop_box_only_the_frame_changes(overlay, signed) -> None:
    picture = noise(400, 300)
    after = drawn(
        picture, [[-3, 1], [2, 0]], box=(50, 20, 350, 290), overlay=overlay, signed=signed
    )
    is_changed = (after != np.asarray(picture)).any(axis=-1)
    is_changed[20 - FRAME_PIXELS : 290 + FRAME_PIXELS, 50 - FRAME_PIXELS : 350 + FRAME_PIXELS] = 0
    assert not is_changed.any()


def test_the_frame_is_white_inside_and_dark_outside() -> None:
    after = drawn(Image.new("RGB", (400, 300), (99, 99, 99)), np.eye(2), box=(50, 0, 350, 300))
    assert after[150, [47, 48, 49, 350, 351, 352], 0].tolist() == [99, 32, 255, 255, 32, 99]


def test_a_picture_that_is_seen_whole_has_no_frame() -> None:
    picture = noise(300, 300)
    np.testing.assert_array_equal(drawn(picture, np.eye(3), alpha=0), np.asarray(picture))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("overlay", [name for name in OVERLAYS if name != "heatmap"])
def test_alpha_zero_leaves_the_picture_as_it_is(overlay, signed) -> None:
    picture = noise(300, 260)
    after = drawn(picture, [[-3, 1], [2, 0]], overlay=overlay, signed=signed, alpha=0)
    np.testing.assert_array_equal(after, np.asarray(picture))


@pytest.mark.parametrize("value", [0, 0.3, -2])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_constant_map_is_drawn(overlay, signed, value) -> None:
    after = drawn(
        noise(256, 256), np.full((4, 4), value), overlay=overlay, signed=signed, colorbar=True
    )
    assert after.shape[0] == 256


def test_blend_mixes_as_strongly_everywhere() -> None:
    after = drawn(Image.new("RGB", (256, 256)), [[0, 1]], overlay="blend", alpha=0.5)
    np.testing.assert_allclose(after[0, 0], np.array(DARKEST) / 2, atol=1)
    np.testing.assert_allclose(after[0, -1], np.array(BRIGHTEST) / 2, atol=1)


def test_alpha_leaves_the_picture_where_the_score_is_lowest() -> None:
    after = drawn(Image.new("RGB", (256, 256), (200, 10, 10)), [[0, 1]], overlay="alpha", alpha=1)
    assert tuple(after[0, 0]) == (200, 10, 10)
    assert tuple(after[0, -1]) == BRIGHTEST


def test_alpha_of_a_signed_map_leaves_the_picture_at_zero() -> None:
    picture = Image.new("RGB", (300, 256), (9, 99, 9))
    after = drawn(
        picture, [[-1, 0, 1]], overlay="alpha", alpha=1, signed=True, interpolation="nearest"
    )
    assert [tuple(after[0, x]) for x in (0, 150, 299)] == [BLUEST, (9, 99, 9), MOST_ORANGE]


def test_heatmap_shows_the_colours_alone() -> None:
    after = drawn(noise(256, 256), [[0, 1]], overlay="heatmap", alpha=0)
    assert (tuple(after[0, 0]), tuple(after[0, -1])) == (DARKEST, BRIGHTEST)


def test_the_centre_of_a_signed_map_is_neutral() -> None:
    after = drawn(
        noise(300, 256), [[-1, 0, 1]], overlay="heatmap", signed=True, interpolation="nearest"
    )
    assert [tuple(after[0, x]) for x in (0, 150, 299)] == [BLUEST, NEUTRAL, MOST_ORANGE]


def test_mask_darkens_the_picture_where_the_score_is_low() -> None:
    after = drawn(Image.new("RGB", (256, 256), (200, 100, 50)), [[0, 1]], overlay="mask", alpha=0.6)
    np.testing.assert_allclose(after[0, 0], [80, 40, 20], atol=1)
    assert tuple(after[0, -1]) == (200, 100, 50)


def test_mask_of_a_signed_map_darkens_the_picture_at_zero() -> None:
    picture = Image.new("RGB", (300, 256), (200, 200, 200))
    after = drawn(
        picture, [[-1, 0, 1]], overlay="mask", alpha=1, signed=True, interpolation="nearest"
    )
    assert after[0, [0, 150, 299], 0].tolist() == [200, 0, 200]


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("colormap", ["cividis", "magma"])
@pytest.mark.parametrize("ground", [(0, 0, 0), (255, 255, 255), (128, 128, 128)])
def test_contours_stand_out_on_any_ground(ground, colormap, signed, interpolation) -> None:
    scores = np.zeros((8, 8))
    scores[2, 2], scores[6, 6] = 1, -1
    after = drawn(
        Image.new("RGB", (256, 256), ground),
        scores,
        overlay="contour",
        colormap=colormap,
        signed=signed,
        interpolation=interpolation,
    )
    contrast = np.abs(after - np.array(ground)).max(axis=-1)
    assert (contrast > 60).sum() > 100
    assert (contrast == 0).mean() > 0.5


def test_contours_lie_where_the_score_is_a_quarter_a_half_and_three_quarters() -> None:
    ramp = np.linspace(0, 1, 17)[None].repeat(17, axis=0)
    picture = Image.new("RGB", (510, 510), (255, 255, 255))
    row = drawn(picture, ramp, overlay="contour", alpha=1)[255]
    is_line = (row != 255).any(axis=-1)
    starts = np.flatnonzero(is_line[1:] & ~is_line[:-1]) + 1
    ends = np.flatnonzero(~is_line[1:] & is_line[:-1]) + 1
    # scores lie at the centres of patches of 30 pixels
    np.testing.assert_allclose((starts + ends) / 2, [15 + 120, 255, 15 + 360], atol=1)


def test_contours_of_hard_patches_follow_their_edges() -> None:
    scores = np.zeros((4, 4))
    scores[1, 2] = 1
    picture = Image.new("RGB", (400, 400), (255, 255, 255))
    after = drawn(picture, scores, overlay="contour", interpolation="nearest", alpha=1)
    rows, columns = np.nonzero((after != 255).any(axis=-1))
    assert (rows.min() + rows.max() + 1) / 2 == pytest.approx(150, abs=1)
    assert (columns.min() + columns.max() + 1) / 2 == pytest.approx(250, abs=1)
    assert 100 < np.ptp(columns) < 115
    assert (after[120:180, 220:280] == 255).all()


def test_nearest_gives_hard_edges() -> None:
    row = drawn(noise(400, 300), [[0, 1]], overlay="heatmap", interpolation="nearest")[0]
    assert (row[:200] == DARKEST).all()
    assert (row[200:] == BRIGHTEST).all()


def test_bilinear_is_smooth_and_centred_on_the_patches() -> None:
    row = drawn(noise(400, 300), [[0, 1, 0, 0]], overlay="heatmap")[0]
    assert tuple(row[:, 0].nonzero()[0][[0, -1]]) > (49, 200)
    assert np.abs(np.diff(row, axis=0)).max() < 20
    np.testing.assert_array_equal(row[100:150], row[199:149:-1])  # the patch is 100 to 200
    assert row[:, 0].argmax() in range(147, 153)


@pytest.mark.parametrize("overlay", ["heatmap", "alpha", "blend"])
def test_a_fixed_scale_gives_equal_scores_equal_colours_in_different_maps(overlay) -> None:
    values = {"overlay": overlay, "scale": "fixed:0,1", "interpolation": "nearest"}
    picture = Image.new("RGB", (256, 256), (50, 60, 70))
    one, other = (drawn(picture, [[0.3, high]], **values) for high in (0.4, 0.9))
    np.testing.assert_array_equal(one[:, :128], other[:, :128])
    assert (one[:, 128:] != other[:, 128:]).any()


def test_a_clip_that_would_hide_the_only_peak_does_not() -> None:
    scores = np.zeros((14, 14))
    scores[3, 3] = 1
    after = drawn(noise(280, 280), scores, overlay="heatmap", clip=50, interpolation="nearest")
    assert tuple(after[70, 70]) == BRIGHTEST


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (2, 3000), (1, 40)])
def test_extreme_pictures_are_drawn(size, overlay) -> None:
    with_bar = drawn(Image.new("RGB", size), np.eye(2), overlay=overlay, colorbar=True)
    without = drawn(Image.new("RGB", size), np.eye(2), overlay=overlay)
    assert without.shape[1::-1] == drawn_size(*size)
    assert with_bar.shape[0] >= 48


def test_the_colour_bar_has_the_brightest_above_the_darkest() -> None:
    after = drawn(Image.new("RGB", (300, 200)), np.eye(2), overlay="blend", colorbar=True)
    assert (tuple(after[12, 312]), tuple(after[187, 312])) == (BRIGHTEST, DARKEST)


def test_the_colour_bar_fades_as_the_overlay_does() -> None:
    after = drawn(Image.new("RGB", (300, 200)), np.eye(2), overlay="alpha", colorbar=True)
    assert (tuple(after[12, 312]), tuple(after[187, 312])) == (BRIGHTEST, (255, 255, 255))


def test_the_colour_bar_of_a_signed_map_has_a_number_at_its_centre() -> None:
    picture = Image.new("RGB", (300, 200))
    after = drawn(picture, [[-1, 3]], overlay="blend", signed=True, colorbar=True)
    assert (tuple(after[12, 312]), tuple(after[187, 312])) == (MOST_ORANGE, BLUEST)
    assert (after[95:105, 334:] < 100).any()


def test_contours_have_their_numbers_on_the_colour_bar() -> None:
    picture = Image.new("RGB", (300, 300))
    plain = drawn(picture, [[0, 1]], overlay="blend", colorbar=True)
    contours = drawn(picture, [[0, 1]], overlay="contour", colorbar=True)
    quarter = slice(215, 235)  # from 12 to 288, a quarter from the bottom
    assert not (plain[quarter, 334:] < 100).any()
    assert (contours[quarter, 334:] < 100).any()


def test_without_a_colour_bar_the_picture_has_its_own_size() -> None:
    assert drawn(noise(300, 200), np.eye(2), colorbar=False).shape == (200, 300, 3)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(OVERLAYS),
    arrays.arrays(
        np.float32,
        arrays.array_shapes(min_dims=2, max_dims=2, max_side=6),
        elements=st.floats(allow_nan=False, allow_infinity=False, width=32),
    ),
    st.tuples(st.integers(1, 400), st.integers(1, 400)),
    st.tuples(*[st.floats(0, 1)] * 4),
    st.booleans(),
    st.sampled_from(["nearest", "bilinear"]),
)
def test_any_finite_map_is_drawn_in_the_size_asked_for(
    overlay, scores, size, edges, signed, interpolation
) -> None:
    across, down = sorted(edges[:2]), sorted(edges[2:])
    box = (across[0] * size[0], down[0] * size[1], across[1] * size[0], down[1] * size[1])
    after = drawn(
        Image.new("RGB", size),
        scores,
        box=box,
        overlay=overlay,
        signed=signed,
        interpolation=interpolation,
        size=100,
    )
    assert after.shape[1::-1] == drawn_size(*size, 100)


@settings(deadline=None, max_examples=30)
@given(st.tuples(st.integers(0, 150), st.integers(160, 300)))
def test_the_map_lies_in_the_crop_box_of_a_reduced_picture(span) -> None:
    left, right = span
    scores, box = np.eye(2, dtype=np.float32), (2 * left, 0, 2 * right, 600)
    drawing = Drawing(overlay="heatmap", colorbar=False, size=300)
    picture = Image.new("RGB", (150, 150), (255, 0, 0))
    after = draw_heatmap(picture, scores, box, (600, 600), drawing, Scale.of(scores))
    is_covered = (np.asarray(after)[150] != (255, 0, 0)).any(axis=-1)
    covered = np.flatnonzero(is_covered)
    assert covered[0] == max(0, left - FRAME_PIXELS)
    assert covered[-1] == min(300, right + FRAME_PIXELS) - 1


@pytest.mark.parametrize("metadata", ['{"scores": []}', '{"label": "Füße"}', '{"label": "猫"}'])
def test_metadata_travels_in_the_text_chunk(metadata) -> None:
    data = encode_png(Image.new("RGB", (2, 2)), metadata)
    assert Image.open(io.BytesIO(data)).text == {"vitrine": metadata}


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    "picture",
    [noise(70, 50), Image.new("RGB", (70, 50), (1, 2, 3)), noise(1, 1), noise(1, 90), noise(90, 1)],
    ids=["noise", "flat", "pixel", "column", "row"],
)
def test_an_encoded_picture_keeps_every_pixel(picture, compressed) -> None:
    data = encode_png(picture, "{}", compressed=compressed)
    with Image.open(io.BytesIO(data)) as decoded:
        decoded.load()
        assert decoded.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(decoded), np.asarray(picture))


def test_flat_pictures_are_small_without_asking() -> None:
    scores = np.eye(4, dtype=np.float32)
    drawing = Drawing(overlay="heatmap", interpolation="nearest")
    flat = draw_heatmap(
        noise(600, 600), scores, (0, 0, 600, 600), (600, 600), drawing, Scale.of(scores)
    )
    assert len(encode_png(flat, "{}")) < flat.width * flat.height * 3 / 50


def test_a_compressed_photograph_is_smaller() -> None:
    photograph = noise(40, 30).resize((400, 300), Image.Resampling.BICUBIC)
    stored, packed = (encode_png(photograph, "{}", compressed=flag) for flag in (False, True))
    assert len(packed) < 0.8 * len(stored)


def test_a_large_picture_is_reduced_without_moving() -> None:
    ramp = np.linspace(0, 255, 2000).astype(np.uint8)[None, :, None].repeat(1500, 0).repeat(3, 2)
    after = drawn(Image.fromarray(ramp), np.eye(2), alpha=0)
    assert after.shape == (768, 1024, 3)
    np.testing.assert_allclose(after[400, :, 0], np.linspace(0, 255, 1024), atol=2)
