"""Draws a map of scores over the picture it explains.

The map is laid over the original picture, not over the crop: only the part that the model saw is
coloured, and framed where it is not the whole. A colour bar with numbers stands beside it.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from service.drawing.colorbar import INK, PAPER, with_color_bar
from service.drawing.colormap import DIVERGING, LEVELS, Colors, lookup_table
from service.drawing.contour import Color, lay_contours
from service.drawing.options import Drawing
from service.drawing.overlay import Box, lay_alpha, lay_blend, lay_mask, paint, strengths, stretch
from service.drawing.png import png_bytes
from service.drawing.scale import Scale
from service.engine import Floats
from service.errors import ErrorDetail, InvalidParameter

__all__ = ["LONGEST_DRAWN", "Drawing", "Scale", "draw_heatmap", "drawn_size", "encode_png"]

SHORTEST_DRAWN = 256  # pixels of the longer side; smaller pictures are enlarged to be seen
LONGEST_DRAWN = 1024
LARGEST_DRAWN = 4096  # the longer side, on request
REDUCING_GAP = 1.0  # a large picture is first halved, or cut to a third and so on, which is quick
CONTOUR_SHARES = (0.5, 0.25, 0.75)  # of the scale, or of each side of a signed one
FRAME = (PAPER, INK)  # from the inside out: one of them shows on any picture


def draw_heatmap(
    image: Image.Image,
    scores: Floats,
    crop_box: tuple[float, float, float, float],
    original_size: tuple[int, int],
    drawing: Drawing,
    scale: Scale,
) -> Image.Image:
    """Draw a map [rows, columns] over an upright RGB picture, which may be a reduced original.

    `crop_box` (left, top, right, bottom) is where the map lies, in pixels of `original_size`
    (width, height). Raises InvalidParameter where the drawing is larger than the original.
    """
    size = drawn_size(*original_size, drawing.size)
    picture = _resized(image, size)
    box = _drawn_box(crop_box, original_size, size)
    _frame(picture, box)
    _lay(picture, box, scale.shares(scores), drawing, scale)
    if not drawing.colorbar:
        return picture
    return with_color_bar(picture, _bar_colors(drawing, scale), _ticks(drawing, scale))


def drawn_size(width: int, height: int, size: int | None = None) -> tuple[int, int]:
    """Give the (width, height) at which a picture is drawn; `size` is its longer side.

    Without a size, the longer side is drawn with 256 to 1024 pixels. Raises InvalidParameter where
    `size` is above both 1024 and the original's, or above 4096.
    """
    longest = max(width, height)
    largest = min(max(longest, LONGEST_DRAWN), LARGEST_DRAWN)
    if size is not None and size > largest:
        detail = f"size {size} is more than the {largest} pixels that this picture can be drawn at"
        raise InvalidParameter(detail, [ErrorDetail("size", detail)])
    factor = (size or min(max(longest, SHORTEST_DRAWN), LONGEST_DRAWN)) / longest
    return max(1, round(width * factor)), max(1, round(height * factor))


def encode_png(image: Image.Image, metadata: str, *, compressed: bool = False) -> bytes:
    """Encode a drawn map as PNG; `metadata` (JSON) travels in the text chunk `vitrine`.

    A pixel of a photograph takes 3 bytes in 3 to 5 ms a million; compressed, 1.5 to 2 bytes in
    about 40 ms (one core of a shared x86 server, median of 21). A flat picture is always small.
    """
    return png_bytes(image, "vitrine", metadata, compressed=compressed)


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if max(size) > max(image.size):
        return image.resize(size, Image.Resampling.BICUBIC)
    # as sharp as bicubic where a picture is reduced, in half the time
    return image.resize(size, Image.Resampling.HAMMING, reducing_gap=REDUCING_GAP)


def _drawn_box(
    crop_box: tuple[float, float, float, float],
    original_size: tuple[int, int],
    size: tuple[int, int],
) -> Box:
    """Put the crop box on drawn pixels: within the picture, and one pixel at the least."""
    left, right = _drawn_span(crop_box[0], crop_box[2], size[0] / original_size[0], size[0])
    top, bottom = _drawn_span(crop_box[1], crop_box[3], size[1] / original_size[1], size[1])
    return left, top, right, bottom


def _drawn_span(start: float, stop: float, factor: float, length: int) -> tuple[int, int]:
    first = min(max(0, round(start * factor)), length - 1)
    return first, min(max(first + 1, round(stop * factor)), length)


def _frame(picture: Image.Image, box: Box) -> None:
    """Draw a thin frame around a box, outside of it; where the picture ends, nothing shows."""
    draw = ImageDraw.Draw(picture)
    left, top, right, bottom = box
    for distance, ink in enumerate(FRAME, start=1):
        corners = (left - distance, top - distance, right - 1 + distance, bottom - 1 + distance)
        draw.rectangle(corners, outline=ink)


def _colors(drawing: Drawing, scale: Scale) -> Colors:
    return lookup_table(DIVERGING if scale.is_signed else drawing.colormap)


def _lay(picture: Image.Image, box: Box, shares: Floats, drawing: Drawing, scale: Scale) -> None:
    colors, alpha = _colors(drawing, scale), drawing.alpha
    if drawing.overlay == "contour":
        lines = {share: _color_at(share, colors) for share in _lines(scale)}
        lay_contours(picture, box, shares, lines, alpha, drawing.interpolation)
        return
    size = box[2] - box[0], box[3] - box[1]
    levels = stretch(shares, size, drawing.interpolation)
    strength = strengths(is_signed=scale.is_signed)
    if drawing.overlay == "blend":
        lay_blend(picture, box, levels, colors, alpha)
    elif drawing.overlay == "alpha":
        lay_alpha(picture, box, levels, colors, strength * alpha)
    elif drawing.overlay == "mask":
        lay_mask(picture, box, levels, (1 - strength) * alpha)
    else:
        picture.paste(paint(levels, colors), box)


def _color_at(share: float, colors: Colors) -> Color:
    red, green, blue = colors[round(share * (LEVELS - 1))].tolist()
    return red, green, blue


def _lines(scale: Scale) -> tuple[float, ...]:
    if not scale.is_signed:
        return CONTOUR_SHARES
    return tuple(0.5 + side * share / 2 for share in CONTOUR_SHARES for side in (1, -1))


def _ticks(drawing: Drawing, scale: Scale) -> dict[float, float]:
    shares = (1.0, 0.0, 0.5) + (_lines(scale) if drawing.overlay == "contour" else ())
    return {share: scale.at(share) for share in shares}


def _bar_colors(drawing: Drawing, scale: Scale) -> Colors:
    """Give the colours as they show: faded or darkened on paper, where the overlay does that."""
    colors = _colors(drawing, scale)
    levels = Image.fromarray(np.arange(LEVELS, dtype=np.uint8)[None])
    strength = strengths(is_signed=scale.is_signed)
    shown = paint(levels, colors)
    if drawing.overlay in ("alpha", "mask"):
        shown = Image.new("RGB", levels.size, PAPER)
    if drawing.overlay == "alpha":
        lay_alpha(shown, (0, 0, *levels.size), levels, colors, strength)
    if drawing.overlay == "mask":
        lay_mask(shown, (0, 0, *levels.size), levels, (1 - strength) * drawing.alpha)
    bar: Colors = np.asarray(shown)[0]
    return bar
