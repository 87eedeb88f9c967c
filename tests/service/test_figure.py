"""Maps drawn over their pictures, as they come over a real socket."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from service.drawing.colormap import ColormapName
from service.drawing.options import Overlay
from service.drawing.sheet import LABEL_HEIGHT, MARGIN
from service.errors import InvalidParameter
from tests.service.live import Live, serving
from tests.service.pictures import draw, encode, text_of
from tests.service.problems import assert_problem
from tests.service.reweighted import reweighted

WIDTH, HEIGHT = 320, 256
PHOTO = encode(draw(WIDTH, HEIGHT))
ORIENTATION_TAG = 0x0112


def drawn(
    live: Live, data: bytes = PHOTO, body: dict | None = None, **query: object
) -> Image.Image:
    sent = {"json": body} if body else {"content": data}
    response = live.client.post("/explain", params={"format": "png", **query}, **sent)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/png"
    picture = Image.open(io.BytesIO(response.content))
    picture.load()
    return picture


def told(live: Live, data: bytes = PHOTO, **query: object) -> dict:
    response = live.client.post("/explain", params=query, content=data)
    assert response.status_code == 200, response.text
    return response.json()


def pixels(live: Live, data: bytes = PHOTO, **query: object) -> np.ndarray:
    return np.asarray(drawn(live, data, colorbar=False, **query)).astype(int)


# one map


@pytest.mark.parametrize("overlay", get_args(Overlay))
def test_each_overlay_is_a_picture_of_the_pictures_size(live: Live, overlay) -> None:
    assert drawn(live, overlay=overlay, colorbar=False).size == (WIDTH, HEIGHT)


def test_each_overlay_is_another_picture(live: Live) -> None:
    found = {pixels(live, overlay=overlay).tobytes() for overlay in get_args(Overlay)}
    assert len(found) == len(get_args(Overlay)) == 5


def test_each_colormap_is_another_picture(live: Live) -> None:
    found = {
        pixels(live, overlay="heatmap", colormap=name).tobytes() for name in get_args(ColormapName)
    }
    assert len(found) == len(get_args(ColormapName))


def test_a_colour_bar_makes_the_picture_wider(live: Live) -> None:
    with_bar, without = drawn(live), drawn(live, colorbar=False)
    assert with_bar.width > without.width
    assert with_bar.height == without.height


@pytest.mark.parametrize(("size", "expected"), [(64, (64, 51)), (640, (640, 512))])
def test_a_size_is_that_of_the_longer_side(live: Live, size, expected) -> None:
    assert drawn(live, size=size, colorbar=False).size == expected


def test_a_size_above_what_the_picture_can_be_drawn_at_is_refused(live: Live) -> None:
    response = live.client.post("/explain?format=png&size=1025", content=PHOTO)
    problem = assert_problem(response, InvalidParameter, "size 1025", "1024 pixels")
    assert problem["errors"][0]["pointer"] == "size"


def test_nothing_is_drawn_where_alpha_is_0(live: Live) -> None:
    left, top, right, bottom = (round(side) for side in told(live)["grid"]["crop_box"])
    found = pixels(live, overlay="blend", alpha=0)
    original = np.asarray(Image.open(io.BytesIO(PHOTO))).astype(int)
    inside = (slice(top, bottom), slice(left, right))
    np.testing.assert_array_equal(found[inside], original[inside])


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"target": "dog", "sign": "both"},
        {"target": ["dog", "cat"]},
        {"method": "occlusion", "faithfulness": "true", "steps": 4},
        {"clip": 90},
    ],
)
def test_the_text_chunk_says_what_the_json_says(live: Live, query) -> None:
    inside, expected = json.loads(drawn(live, **query).text["vitrine"]), told(live, **query)
    assert inside.pop("timing_ms").keys() == expected.pop("timing_ms").keys()
    assert inside == expected


# scales


def test_a_fixed_scale_is_told_and_drawn(live: Live) -> None:
    scores = np.array(told(live)["scores"])
    high = float(scores.max()) * 4
    fixed = {"scale": f"fixed:0,{high}"}
    assert told(live, **fixed)["scale"] == {"min": 0, "max": pytest.approx(high), "signed": False}
    seen = slice(40, 280)  # columns within the crop
    own, faint = (pixels(live, overlay="heatmap", **query)[:, seen] for query in ({}, fixed))
    assert faint.max() < 128 < own.max()  # a quarter of cividis is its dark end


def test_a_clip_is_told_and_drawn(live: Live) -> None:
    scores = np.array(told(live)["scores"])
    scale = told(live, clip=80)["scale"]
    assert scale["min"] == pytest.approx(np.percentile(scores, 20), rel=1e-5)
    assert scale["max"] == pytest.approx(np.percentile(scores, 80), rel=1e-5)
    own, clipped = (pixels(live, overlay="heatmap", **query) for query in ({}, {"clip": 80}))
    assert (own != clipped).any()


def test_the_raw_scores_are_the_same_however_they_are_drawn(live: Live) -> None:
    plain = told(live)["scores"]
    for drawing in ({"clip": 80}, {"scale": "fixed:0,9"}, {"overlay": "mask"}):
        assert told(live, **drawing)["scores"] == plain


def test_a_signed_map_has_a_scale_around_zero(live: Live) -> None:
    scale = told(live, sign="both")["scale"]
    assert scale["signed"]
    assert scale["min"] == -scale["max"]


@pytest.mark.parametrize("scale", ["fixed:1,0", "fixed:0", "percent", "fixed:nan,1"])
def test_a_scale_that_is_none_is_refused_with_an_example(live: Live, scale) -> None:
    response = live.client.post("/explain", params={"scale": scale}, content=PHOTO)
    assert_problem(response, InvalidParameter, "fixed:LOW,HIGH", "fixed:0,0.5")


# several maps


def test_several_targets_are_drawn_on_one_sheet(live: Live) -> None:
    sheet = drawn(live, target=["cat", "dog", "ship"], colorbar=False)
    assert sheet.size == (
        2 * (WIDTH + MARGIN) + MARGIN,
        2 * (HEIGHT + LABEL_HEIGHT + MARGIN) + MARGIN,
    )
    tile = pixels(live, target="dog")  # the second of the first row
    left, top = WIDTH + 2 * MARGIN, MARGIN + LABEL_HEIGHT
    shown = np.asarray(sheet)[top : top + HEIGHT, left : left + WIDTH]
    np.testing.assert_array_equal(shown, tile)


def test_several_pictures_are_drawn_on_one_sheet(live: Live) -> None:
    other = encode(draw(WIDTH, HEIGHT, seed=3))
    sheet = drawn(live, body={"images": [text_of(PHOTO), text_of(other)]}, colorbar=False)
    left, top = WIDTH + 2 * MARGIN, MARGIN + LABEL_HEIGHT
    shown = np.asarray(sheet)[top : top + HEIGHT, left : left + WIDTH]
    np.testing.assert_array_equal(shown, pixels(live, other))
    results = json.loads(sheet.text["vitrine"])["results"]
    assert [len(result["scores"]) for result in results] == [4, 4]


def test_a_picture_that_cannot_be_explained_is_named_in_its_place(live: Live) -> None:
    body = {"images": [text_of(PHOTO), text_of(b"no picture")]}
    sheet = drawn(live, body=body, colorbar=False)
    results = json.loads(sheet.text["vitrine"])["results"]
    assert results[1]["error"]["title"] == "Unsupported media type"
    left, top = WIDTH + 2 * MARGIN, MARGIN + LABEL_HEIGHT
    tile = np.asarray(sheet)[top : top + HEIGHT, left : left + WIDTH].astype(int)
    ink = np.abs(tile - tile[0, 0]).max(axis=-1) > 60  # letters on a plain ground
    assert 0.001 < ink.mean() < 0.2


def test_many_pictures_fit_one_sheet(live: Live) -> None:
    body = {"images": [text_of(PHOTO)] * 10}
    sheet = drawn(live, body=body, target=["cat", "dog", "ship"])
    assert max(sheet.size) <= 4096
    assert len(json.loads(sheet.text["vitrine"])["results"]) == 10


def test_one_picture_in_a_list_is_drawn_alone(live: Live) -> None:
    sheet = drawn(live, body={"images": [text_of(PHOTO)]}, colorbar=False)
    assert sheet.size == (WIDTH, HEIGHT)


# turned pictures


def landmark(ground: str = "grey") -> Image.Image:
    """A wide plain picture with red in one patch of the model's, up left in what the model sees."""
    picture = Image.new("RGB", (480, 320), ground)
    picture.paste((255, 0, 0), (100, 20, 140, 60))  # the crop is 80 to 400; a patch is 80 pixels
    return picture


def turned(picture: Image.Image, orientation: int, transposition: Image.Transpose) -> bytes:
    """Store a picture turned, with the EXIF that turns it back."""
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    return encode(picture.transpose(transposition), "PNG", exif=exif)


TURNS = [
    (3, Image.Transpose.ROTATE_180),
    (6, Image.Transpose.ROTATE_90),
    (8, Image.Transpose.ROTATE_270),
    (2, Image.Transpose.FLIP_LEFT_RIGHT),
]


@pytest.mark.parametrize(("orientation", "transposition"), TURNS)
def test_a_turned_picture_is_explained_and_drawn_upright(live, orientation, transposition) -> None:
    upright, data = encode(landmark()), turned(landmark(), orientation, transposition)
    answer, expected = told(live, data), told(live, upright)
    assert answer["image"]["orientation_applied"]
    assert (answer["image"]["width"], answer["image"]["height"]) == (480, 320)
    assert answer["grid"]["crop_box"] == expected["grid"]["crop_box"] == [80, 0, 400, 320]
    np.testing.assert_allclose(answer["scores"], expected["scores"], atol=1e-5)
    np.testing.assert_array_equal(pixels(live, data), pixels(live, upright))


@pytest.fixture
def black_is_zero(tiny_checkpoint, tiny_bundle, copy_bundle, tmp_path) -> Iterator[Live]:
    """Serve the tiny model with black as its mean colour, so that it weighs nothing."""
    rules = {"mean": [0.0, 0.0, 0.0]}
    files = reweighted(tiny_checkpoint, tiny_bundle, tmp_path, lambda model: None, [PHOTO], **rules)
    with serving(
        copy_bundle(lambda contract: contract["preprocessing"].update(rules), files=files)
    ) as server:
        yield server


@pytest.mark.parametrize(("orientation", "transposition"), TURNS)
def test_the_patch_that_differs_is_coloured_where_it_is(
    black_is_zero, orientation, transposition
) -> None:
    data = turned(landmark("black"), orientation, transposition)
    query = {"method": "occlusion", "removal": "black"}
    scores = np.array(told(black_is_zero, data, **query)["scores"])
    assert scores[0, 0] != 0
    assert np.count_nonzero(scores) == 1
    colours = pixels(black_is_zero, data, overlay="heatmap", interpolation="nearest", **query)
    rows, columns = np.nonzero((colours == colours[40, 120]).all(axis=-1))
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (80, 0, 159, 79)


def test_the_map_lies_on_the_part_that_the_model_saw(live: Live) -> None:
    plain = np.asarray(landmark()).astype(int)
    found = pixels(live, encode(landmark()), overlay="heatmap")
    is_changed = np.abs(found - plain).max(axis=-1) > 8
    columns = np.nonzero(is_changed.any(axis=0))[0]
    frame = 2
    assert columns.min() == 80 - frame
    assert columns.max() == 399 + frame
