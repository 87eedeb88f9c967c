"""Draws the colour bar: which colour stands for which score."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from PIL import Image, ImageDraw, ImageFont

from service.drawing.colormap import Colors

INK, PAPER = (32, 32, 32), (255, 255, 255)
HAIRLINE = (160, 160, 160)
SMALLEST_TEXT = 12  # pixels
PIXELS_A_TEXT_PIXEL = 56  # text grows with the picture's longer side
LONGEST_NUMBER = "-0.00e-00"

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@cache
def font(size: int) -> Font:
    """Give the font of all drawn text; `size` is in pixels."""
    return ImageFont.load_default(size)


def with_color_bar(
    picture: Image.Image, colors: Colors, ticks: Mapping[float, float]
) -> Image.Image:
    """Put a colour bar to the right of a picture.

    `colors` [256, 3] run from the bottom to the top. `ticks` are scores by their share of the
    bar's height, the most important first: those that would touch another are left out.
    """
    text_size = max(SMALLEST_TEXT, max(picture.size) // PIXELS_A_TEXT_PIXEL)
    margin, bar_width, gap = text_size, text_size * 3 // 2, text_size // 2
    text_width = round(font(text_size).getlength(LONGEST_NUMBER))
    height = max(picture.height, 3 * text_size + 2 * margin)
    left = picture.width + margin
    canvas = Image.new("RGB", (left + bar_width + gap + text_width + gap, height), PAPER)
    canvas.paste(picture)
    ramp = Image.fromarray(colors[::-1, None])
    bar = ramp.resize((bar_width, height - 2 * margin), Image.Resampling.NEAREST)
    canvas.paste(bar, (left, margin))
    draw = ImageDraw.Draw(canvas)
    draw.rectangle((left - 1, margin - 1, left + bar_width, margin + bar.height), outline=HAIRLINE)
    for share, value in _apart(ticks, text_size / bar.height).items():
        y = margin + round((1 - share) * (bar.height - 1))
        draw.line((left + bar_width, y, left + bar_width + gap // 2, y), INK)
        place = (left + bar_width + gap, y)
        draw.text(place, f"{value:.3g}", INK, font(text_size), anchor="lm")
    return canvas


def _apart(ticks: Mapping[float, float], distance: float) -> dict[float, float]:
    kept: dict[float, float] = {}
    for share, value in ticks.items():
        if all(abs(share - other) >= distance for other in kept):
            kept[share] = value
    return kept
