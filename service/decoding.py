"""Decodes pictures that nobody vouches for: upright and RGB, within limits that hold before.

A large JPEG costs less than its pixels: it is decoded at 1/2, 1/4 or 1/8 where that leaves
DRAFT_MARGIN times the pixels that are needed (`service.preprocess` says what that changes).
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import AvifImagePlugin, Image, UnidentifiedImageError, features

from service.crop import Box
from service.errors import InvalidInput, PayloadTooLarge, UnreadableImage, UnsupportedMediaType
from service.jpeg_scans import has_more_scans

FORMATS: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF") + (
    ("AVIF",) if features.check("avif") else ()
)
ORIENTATION_TAG = 0x0112
TRANSPOSITIONS = {  # EXIF orientation -> what makes the picture upright (EXIF 2.32, 4.6.4)
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
FIRST_SIDEWAYS_ORIENTATION = 5  # from here on width and height change places
DRAFT_MARGIN = 2  # 1 would be off by up to 6 levels, for a quarter less time; 4 takes twice as long
MIRRORED_ACROSS = (2, 3, 6, 7)  # orientations that put what was stored last to the left
MIRRORED_DOWN = (3, 4, 7, 8)  # and to the top
MOST_SCANS = 40  # of a JPEG; encoders write 1 to some 20


def decode_in_calling_thread() -> None:
    """Keep AVIF's decoder, for this process, from threads of its own.

    It would start one for each core of the machine, whatever the quota says; pictures are spread
    over the cores already.
    """
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1


@dataclass(frozen=True)
class ImageLimits:
    """What is refused before decoding: encoded bytes, and pixels (width x height)."""

    max_bytes: int = 20 * 1024 * 1024
    max_pixels: int = 50_000_000


class ImageFacts(NamedTuple):
    """What is told of a picture: its format, and its upright size in pixels."""

    format: str
    width: int
    height: int
    orientation_applied: bool


class DecodedImage(NamedTuple):
    """An upright RGB picture; `width` and `height` are the original's, in pixels, upright.

    `image` is smaller than that where a JPEG was decoded at reduced scale, and `area` (left, top,
    right, bottom) is where the picture lies in it: 1001 columns at 1/8 are 125.125, and the rest of
    the 126th column shows nothing of it.
    """

    image: Image.Image
    format: str
    width: int
    height: int
    orientation_applied: bool
    area: Box

    @property
    def facts(self) -> ImageFacts:
        """What is told of the picture, without its pixels."""
        return ImageFacts(self.format, self.width, self.height, self.orientation_applied)


def decode_image(
    data: bytes,
    limits: ImageLimits,
    background: tuple[int, int, int] = (255, 255, 255),
    at_least: tuple[int, int] | None = None,
) -> DecodedImage:
    """Decode one picture (the first frame of several) to upright RGB.

    `at_least` (rows, columns) lets a JPEG be decoded at a reduced scale that still covers twice
    that. Transparent pixels lie over `background`. The content decides the format; names and
    declared types do not count.

    Raises InvalidInput (no bytes), PayloadTooLarge (more bytes or pixels than `limits`),
    UnsupportedMediaType (not one of FORMATS), UnreadableImage (broken).
    """
    if not data:
        raise InvalidInput("the picture has 0 bytes; send those of an image file that exists")
    if len(data) > limits.max_bytes:
        raise PayloadTooLarge(
            f"the picture has {len(data):,} bytes, more than {limits.max_bytes:,}; "
            "send a smaller or more compressed one"
        )
    with _open(data, limits) as image:
        width, height = image.size
        if width * height > limits.max_pixels:
            raise PayloadTooLarge(
                f"the picture has {width} x {height} pixels, more than {limits.max_pixels:,}; "
                "send a smaller one"
            )
        image_format = "JPEG" if image.format == "MPO" else str(image.format)
        if image_format == "JPEG" and has_more_scans(data, MOST_SCANS):
            raise UnreadableImage(
                f"the JPEG has more than {MOST_SCANS} scans; save it again, not progressive"
            )
        # the decoder of TIFF turns the picture by itself, and then forgets that it did
        is_turned = image.format == "TIFF" and _orientation(image) in TRANSPOSITIONS
        drafted = None
        if at_least is not None:
            side = DRAFT_MARGIN * max(at_least)
            drafted = image.draft("RGB", (side, side))
        try:
            image.load()
            rgb = _to_rgb(image, background)
        except UnreadableImage:
            raise
        except Exception as error:  # on hostile input a decoder may raise anything
            raise UnreadableImage(
                f"the {image_format} picture of {width} x {height} pixels cannot be decoded: "
                f"{error}; save it again and send that"
            ) from error
        orientation = _orientation(image)
    covered = drafted[1][2:] if drafted else rgb.size
    if orientation not in TRANSPOSITIONS:
        area = (0.0, 0.0, *covered)
        return DecodedImage(rgb, image_format, width, height, is_turned, area)
    if orientation >= FIRST_SIDEWAYS_ORIENTATION:
        width, height, covered = height, width, covered[::-1]
    upright = rgb.transpose(TRANSPOSITIONS[orientation])
    area = _area(upright.size, covered, orientation)
    return DecodedImage(upright, image_format, width, height, True, area)


def _area(size: tuple[int, int], covered: tuple[float, float], orientation: int) -> Box:
    """Say where the picture lies in an upright one of `size` that it does not fill."""
    left = size[0] - covered[0] if orientation in MIRRORED_ACROSS else 0.0
    top = size[1] - covered[1] if orientation in MIRRORED_DOWN else 0.0
    return left, top, left + covered[0], top + covered[1]


def _open(data: bytes, limits: ImageLimits) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise UnsupportedMediaType(
            f"the {len(data):,} bytes are not a picture in one of {', '.join(FORMATS)}; "
            "convert it to one of these, and send the file unchanged"
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PayloadTooLarge(
            f"the picture's header states more than {limits.max_pixels:,} pixels; "
            "send a smaller one"
        ) from None
    except Exception as error:  # on hostile input a parser may raise anything
        raise UnreadableImage(
            f"the picture's header cannot be read: {error}; save it again, and send the file "
            "unchanged"
        ) from error


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # broken metadata is no reason to refuse a good picture
        return 1


def _to_rgb(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    if image.mode == "F":
        raise UnreadableImage(
            "the picture has floating-point pixels, whose range is not known; convert it to 8 bits"
        )
    if image.mode.startswith("I"):  # 16-bit grey: keep the high byte
        levels = np.asarray(image).clip(0, 0xFFFF).astype(np.uint16)
        levels >>= 8
        return Image.fromarray(levels.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        layer = image if image.mode == "RGBA" else image.convert("RGBA")
        canvas = Image.new("RGB", layer.size, background)
        canvas.paste(layer, mask=layer.getchannel("A"))
        return canvas
    return image if image.mode == "RGB" else image.convert("RGB")
