"""Pictures that the commands draw themselves, the same each time."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from service.decoding import ImageLimits, decode_image

DRAWN_SIDE = 224
SHAPES = 60
QUALITY = 90


@dataclass(frozen=True)
class Picture:
    """A picture's encoding, and what it is called."""

    name: str
    data: bytes

    def __str__(self) -> str:
        return describe(self.data, self.name)


def small_png() -> Picture:
    """Draw 32 x 32 pixels, as small models are trained on."""
    return Picture("PNG 32 x 32", encoded(photograph(32, 32, grain=4), "PNG"))


def usual_jpeg() -> Picture:
    """Draw 500 x 375 pixels in some 50 kB, as data sets of photographs have them."""
    return Picture("JPEG 500 x 375", encoded(photograph(500, 375, grain=4), "JPEG"))


def large_jpeg() -> Picture:
    """Draw 12 megapixels in some 3 MB, as a telephone takes them."""
    return Picture("JPEG 12 MP", encoded(photograph(4000, 3000, grain=10), "JPEG"))


def photograph(width: int, height: int, grain: float) -> Image.Image:
    """Draw something as costly to decode as a photograph: gradients, shapes, and a sensor's noise.

    `grain` is the noise's standard deviation in levels; it sets the size in bytes.
    """
    source = np.random.default_rng(0)
    corners = source.integers(30, 226, (4, 5, 3), dtype=np.uint8)
    picture = Image.fromarray(corners).resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for _ in range(SHAPES):
        left, top, across, down = (
            source.random(4) * [width, height, width / 4, height / 4]
        ).tolist()
        color = tuple(source.integers(0, 256, 3).tolist())
        draw.ellipse((left, top, left + across, top + down), color)
    # neighbouring pixels of a photograph share their noise: it was interpolated once
    coarse = source.normal(0, grain, ((height + 1) // 2, (width + 1) // 2)).astype(np.float32)
    noise = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    levels = np.asarray(picture, np.float32) + noise[..., None]  # [rows, columns, 3]
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8))


def drawn_picture() -> bytes:
    """Draw a JPEG that is neither flat nor noise: shapes over a gradient."""
    rows, columns = np.indices((DRAWN_SIDE, DRAWN_SIDE), dtype=np.uint8)
    image = Image.fromarray(np.stack([rows, columns, rows // 2 + columns // 2], axis=-1))
    draw = ImageDraw.Draw(image)
    colors = np.random.default_rng(0).integers(0, 256, (64, 3))
    corners = np.random.default_rng(1).integers(0, DRAWN_SIDE, (64, 2))
    for (left, top), color in zip(corners.tolist(), colors.tolist(), strict=True):
        draw.ellipse((left, top, left + 40, top + 25), tuple(color))
    return encoded(image, "JPEG")


def encoded(image: Image.Image, image_format: str) -> bytes:
    """Give the bytes of an image file."""
    buffer = io.BytesIO()
    image.save(buffer, image_format, quality=QUALITY)
    return buffer.getvalue()


def describe(image: bytes, source: str) -> str:
    """Say what picture was sent, and where it is from."""
    decoded = decode_image(image, ImageLimits())
    return f"{decoded.format}, {decoded.width} x {decoded.height}, {len(image):,} bytes, {source}"
