"""Draws an explanation: one map over its picture, or a labelled sheet of several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from service.answers import scale_of
from service.classify import probabilities
from service.contract import Contract
from service.crop import crop_box
from service.decoding import DRAFT_MARGIN, ImageLimits, decode_image
from service.drawing.heatmap import LONGEST_DRAWN, draw_heatmap, drawn_size
from service.drawing.options import Drawing
from service.drawing.sheet import LONGEST_SHEET, Tile, draw_sheet
from service.explanation.inquiry import Explanation
from service.explanation.question import Question


@dataclass(frozen=True)
class Figure:
    """What is to be drawn of one picture: its encoded bytes, its maps, and its name in a sheet.

    `explanation` is a message instead where the picture could not be explained.
    """

    data: bytes
    explanation: Explanation | str
    name: str = ""


def draw_figures(
    figures: Sequence[Figure],
    asked: Question,
    drawing: Drawing,
    contract: Contract,
    limits: ImageLimits,
) -> Image.Image:
    """Draw all maps of all pictures; several become a sheet.

    Raises InvalidParameter when a drawing would be larger than its picture.
    """
    count = len(figures) * len(asked.targets)
    return lay_out(
        [
            tile
            for figure in figures
            for tile in draw_tiles(figure, count, asked, drawing, contract, limits)
        ]
    )


def lay_out(tiles: Sequence[Tile]) -> Image.Image:
    """Give the only tile's picture, or a labelled sheet."""
    if len(tiles) == 1 and isinstance(tiles[0].content, Image.Image):
        return tiles[0].content
    return draw_sheet(tiles)


def draw_tiles(
    figure: Figure,
    count: int,
    asked: Question,
    drawing: Drawing,
    contract: Contract,
    limits: ImageLimits,
) -> list[Tile]:
    """Draw one picture's maps, no larger than they are needed in a sheet of `count` tiles.

    Raises InvalidParameter when a drawing would be larger than its picture.
    """
    largest = LONGEST_SHEET // math.ceil(math.sqrt(count))
    if isinstance(figure.explanation, str):
        return [Tile(figure.name, figure.explanation)]
    side = min(largest, max(LONGEST_DRAWN, drawing.size or 0)) // DRAFT_MARGIN
    background = contract.preprocessing.background
    decoded = decode_image(figure.data, limits, background, at_least=(side, side))
    size = decoded.width, decoded.height
    drawn = min(largest, max(drawn_size(*size, drawing.size)))
    fitting = drawing.model_copy(update={"size": drawn})
    box = crop_box(*size, contract.preprocessing)
    shares = probabilities(figure.explanation.logits)
    rival = "" if asked.versus is None else f" rather than {contract.labels[asked.versus]}"
    return [
        Tile(
            f"{figure.name} {contract.labels[one.target]} {shares[one.target]:.1%}{rival}".strip(),
            draw_heatmap(
                decoded.image, one.scores, box, size, fitting, scale_of(one, asked, drawing)
            ),
        )
        for one in figure.explanation.maps
    ]
