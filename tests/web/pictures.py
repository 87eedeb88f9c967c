"""Pictures, drawn here so that no file is needed."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 96, 64


def ship_under(sky: str) -> bytes:
    """Draw something dark on water, under a sky of a colour, as PNG."""
    image = Image.new("RGB", (WIDTH, HEIGHT), sky)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 42, WIDTH, HEIGHT), "#1d4f73")
    pen.polygon([(20, 36), (76, 36), (66, 48), (30, 48)], "#3a2020")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
