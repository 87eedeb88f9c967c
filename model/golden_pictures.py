"""Draws the few pictures that every bundle is replayed with.

They are no photographs: what counts is that every step from bytes to map runs over them, with more
pixels than the model needs, other aspects, grey and transparent ones, and an EXIF orientation.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw

ORIENTATION_TAG = 0x0112
ROTATED_BY_90 = 6


def draw_golden_pictures() -> tuple[bytes, ...]:
    """Give encoded pictures; the same bytes at every call on one build of Pillow."""
    return (
        _encode(_landscape(160, 120), "PNG"),
        _encode(_rings(97, 150), "PNG"),
        _encode(_landscape(64, 64).convert("L"), "PNG"),
        _encode(_transparent(120, 90), "PNG"),
        _encode(_rings(200, 140), "JPEG", quality=92, exif=_rotated()),
    )


def _landscape(width: int, height: int) -> Image.Image:
    rows, columns = np.mgrid[0:height, 0:width]
    sky = np.stack(
        [90 + columns * 60 // width, 130 + rows * 90 // height, 230 - rows // 4], axis=-1
    )
    picture = Image.fromarray(sky.clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, height * 2 // 3, width, height), fill=(60, 120, 50))
    draw.ellipse((width * 0.6, height * 0.1, width * 0.8, height * 0.35), fill=(250, 220, 80))
    draw.polygon(
        ((width * 0.1, height * 0.7), (width * 0.35, height * 0.25), (width * 0.55, height * 0.7)),
        fill=(110, 90, 80),
    )
    return picture


def _rings(width: int, height: int) -> Image.Image:
    rows, columns = np.mgrid[0:height, 0:width]
    distance = np.hypot(rows - height / 2, columns - width / 2)
    levels = [127.5 + 127.5 * np.sin(distance / period) for period in (5.0, 9.0, 14.0)]
    return Image.fromarray(np.stack(levels, axis=-1).astype(np.uint8))


def _transparent(width: int, height: int) -> Image.Image:
    picture = _landscape(width, height).convert("RGBA")
    alpha = np.linspace(0, 255, width).astype(np.uint8)[None, :].repeat(height, axis=0)
    picture.putalpha(Image.fromarray(alpha))
    return picture


def _rotated() -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = ROTATED_BY_90
    return exif


def _encode(picture: Image.Image, image_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, image_format, **options)
    return buffer.getvalue()
