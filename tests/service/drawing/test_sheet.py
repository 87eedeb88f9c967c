"""Many pictures on one sheet."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from service.drawing.colorbar import font
from service.drawing.sheet import LABEL_SIZE, LONGEST_SHEET, Tile, draw_sheet, shortened

RED, WHITE = (220, 0, 0), (255, 255, 255)


def red(width=200, height=160) -> Image.Image:
    return Image.new("RGB", (width, height), RED)


def is_red(sheet) -> np.ndarray:
    return (np.asarray(sheet) == RED).all(axis=-1)


def is_ink(sheet) -> np.ndarray:
    return np.asarray(sheet).max(axis=-1) < 100


def test_a_picture_keeps_its_pixels_where_there_is_room() -> None:
    sheet = draw_sheet([Tile("one", red())])
    assert is_red(sheet).sum() == 200 * 160


def test_the_label_stands_above_its_picture() -> None:
    sheet = draw_sheet([Tile("one", red())])
    first_red = np.argwhere(is_red(sheet))[0][0]
    assert is_ink(sheet)[:first_red].any()
    assert not is_ink(draw_sheet([Tile("", red())]))[:first_red].any()


@pytest.mark.parametrize(("tiles", "columns", "rows"), [(1, 1, 1), (4, 2, 2), (5, 3, 2), (9, 3, 3)])
def test_the_grid_is_nearly_square(tiles, columns, rows) -> None:
    sheet = is_red(draw_sheet([Tile(str(index), red()) for index in range(tiles)]))
    assert sheet.any(axis=0).sum() == 200 * columns
    assert sheet.any(axis=1).sum() == 160 * rows


def test_tiles_are_in_order_from_the_left_top() -> None:
    shades = [Image.new("RGB", (200, 200), (10 * index, 200, 0)) for index in range(4)]
    sheet = np.asarray(draw_sheet([Tile("", shade) for shade in shades]))
    reds = sheet[..., 0][sheet[..., 1] == 200]
    assert [int(value) for value in dict.fromkeys(reds.tolist())] == [0, 10, 20, 30]


def test_the_paper_is_white() -> None:
    sheet = draw_sheet([Tile("one", red())])
    corners = [(0, 0), (sheet.width - 1, 0), (0, sheet.height - 1)]
    assert {sheet.getpixel(corner) for corner in corners} == {WHITE}


@pytest.mark.parametrize("size", [(1194, 1024), (4000, 30), (30, 4000)])
def test_sixty_four_large_tiles_stay_within_4096_pixels(size) -> None:
    sheet = draw_sheet([Tile(f"picture {index}", red(*size)) for index in range(64)])
    assert max(sheet.size) <= LONGEST_SHEET
    assert is_red(sheet).any()


def test_labels_are_as_large_on_a_full_sheet() -> None:
    one = draw_sheet([Tile("label", red(440, 440))])
    many = draw_sheet([Tile("label", red(1194, 1024))] * 64)
    assert is_ink(many).sum() == 64 * is_ink(one).sum()


def test_pictures_keep_their_proportions() -> None:
    rows, columns = np.nonzero(is_red(draw_sheet([Tile("wide", red(9000, 900))])))
    assert np.ptp(columns) + 1 == pytest.approx(10 * (np.ptp(rows) + 1), rel=0.01)


def test_a_message_stands_where_there_is_no_picture() -> None:
    tiles = [Tile("good", red()), Tile("bad.jpg", "this picture cannot be read")]
    sheet = draw_sheet(tiles)
    half = sheet.width // 2
    assert is_red(sheet)[:, :half].any()
    assert not is_red(sheet)[:, half:].any()
    middle = slice(sheet.height // 3, 2 * sheet.height // 3)
    assert is_ink(sheet)[middle, half:].any()


def test_a_sheet_of_messages_alone_is_drawn() -> None:
    assert is_ink(draw_sheet([Tile("a", "cannot be read"), Tile("b", "x" * 5000)])).any()


def test_no_tiles_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one tile"):
        draw_sheet([])


def test_a_short_label_is_shown_in_full() -> None:
    assert shortened("cat.png", 200) == "cat.png"


def test_a_long_label_ends_in_an_ellipsis() -> None:
    short = shortened("a very long name of a picture.png", 100)
    assert short.startswith("a very")
    assert short.endswith("…")
    assert font(LABEL_SIZE).getlength(short) <= 100


@settings(deadline=None, max_examples=60)
@given(st.text(st.characters(exclude_categories=())), st.text(st.characters(exclude_categories=())))
def test_any_text_can_be_a_label_or_a_message(label, message) -> None:
    sheet = draw_sheet([Tile(label, red(20, 20)), Tile("x", message)])
    assert sheet.mode == "RGB"


@pytest.mark.parametrize("label", ["写真.jpg", "صورة", "фото", "🐈", "a\nb\tc", "\udcff", "\x00"])
def test_labels_beyond_latin_are_drawn_on_one_line(label) -> None:
    plain, odd = draw_sheet([Tile("x", red())]), draw_sheet([Tile(label, red())])
    assert odd.size == plain.size
