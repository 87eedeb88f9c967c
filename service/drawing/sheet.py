"""Draws many pictures on one sheet, like a photographer's contact sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from PIL import Image, ImageDraw

from service.drawing.colorbar import INK, PAPER, font

LONGEST_SHEET = 4096  # pixels of the longer side
LABEL_SIZE = 16  # pixels; labels keep it however many tiles there are
LABEL_HEIGHT = 28
MARGIN = 16  # pixels between tiles and around them
SMALLEST_CELL = 160  # pixels of either side, so that a few words fit
BLANK = (236, 236, 236)
ELLIPSIS = "…"


@dataclass(frozen=True)
class Tile:
    """A labelled picture; `content` is a message where there is no picture."""

    label: str
    content: Image.Image | str


def draw_sheet(tiles: Sequence[Tile]) -> Image.Image:
    """Lay tiles out in rows from the left top, in a grid that is nearly square.

    Pictures keep their proportions; they are reduced, all to the same box, where the sheet would be
    longer than 4096 pixels on a side. A label that is too long ends in an ellipsis. Raises
    ValueError where there are no tiles.
    """
    if not tiles:
        raise ValueError("expected at least one tile; got none")
    columns = math.ceil(math.sqrt(len(tiles)))
    rows = math.ceil(len(tiles) / columns)
    cell = _cell(tiles, columns, rows)
    pitch = cell[0] + MARGIN, cell[1] + LABEL_HEIGHT + MARGIN
    sheet = Image.new("RGB", (columns * pitch[0] + MARGIN, rows * pitch[1] + MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        left, top = MARGIN + column * pitch[0], MARGIN + row * pitch[1]
        middle = left + cell[0] // 2, top + LABEL_HEIGHT // 2
        draw.text(middle, shortened(tile.label, cell[0]), INK, font(LABEL_SIZE), anchor="mm")
        shown = _shown(tile.content, cell)
        sheet.paste(shown, (left + (cell[0] - shown.width) // 2, top + LABEL_HEIGHT))
    return sheet


def shortened(text: str, width: int) -> str:
    """Give as much of a text as fits `width` pixels, on one line and without what cannot print."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    if font(LABEL_SIZE).getlength(printable) <= width:
        return printable
    kept = printable[:width]  # no letter is narrower than a pixel
    while kept and font(LABEL_SIZE).getlength(kept + ELLIPSIS) > width:
        kept = kept[:-1]
    return kept.rstrip() + ELLIPSIS


def _cell(tiles: Sequence[Tile], columns: int, rows: int) -> tuple[int, int]:
    """Give the (width, height) that pictures are fitted into."""
    pictures = [tile.content for tile in tiles if not isinstance(tile.content, str)]
    widest = max((picture.width for picture in pictures), default=SMALLEST_CELL)
    highest = max((picture.height for picture in pictures), default=SMALLEST_CELL)
    room_across = (LONGEST_SHEET - MARGIN) // columns - MARGIN
    room_down = (LONGEST_SHEET - MARGIN) // rows - MARGIN - LABEL_HEIGHT
    factor = min(1, room_across / widest, room_down / highest)
    width, height = (max(SMALLEST_CELL, int(side * factor)) for side in (widest, highest))
    return max(1, min(width, room_across)), max(1, min(height, room_down))


def _shown(content: Image.Image | str, cell: tuple[int, int]) -> Image.Image:
    if isinstance(content, str):
        return _message(content, cell)
    factor = min(1, cell[0] / content.width, cell[1] / content.height)
    size = max(1, int(content.width * factor)), max(1, int(content.height * factor))
    return content.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _message(text: str, cell: tuple[int, int]) -> Image.Image:
    blank = Image.new("RGB", cell, BLANK)
    characters = max(1, cell[0] * 2 // LABEL_SIZE - 2)  # a letter is about half as wide as high
    lines = [shortened(line, cell[0]) for line in wrap(text, characters)]
    fitting = lines[: max(1, cell[1] // (LABEL_SIZE * 3 // 2))]
    middle = cell[0] / 2, cell[1] / 2
    draw = ImageDraw.Draw(blank)
    draw.text(middle, "\n".join(fitting), INK, font(LABEL_SIZE), anchor="mm", align="center")
    return blank
