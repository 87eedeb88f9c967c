"""From bytes that nobody vouches for to the pixel values that the model was trained with.

`decode_image` makes an upright RGB picture of anything in the allow-list, within limits that hold
before a pixel is decoded. `fit` resizes and crops it as the contract says; `pixel_values` scales.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError, features

from service.contract import Preprocessing
from service.errors import InvalidInput, PayloadTooLarge, UnreadableImage, UnsupportedMediaType

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
INTERPOLATIONS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
DRAFT_MARGIN = 2  # a JPEG decoded at reduced scale keeps at least twice the pixels that are needed


@dataclass(frozen=True)
class ImageLimits:
    """What is refused before decoding: encoded bytes, and pixels (width x height)."""

    max_bytes: int = 20 * 1024 * 1024
    max_pixels: int = 50_000_000


@dataclass(frozen=True)
class ImageFacts:
    """What is told of a picture: its format, and its upright size in pixels."""

    format: str
    width: int
    height: int
    orientation_applied: bool


@dataclass(frozen=True)
class DecodedImage:
    """An upright RGB picture; `width` and `height` are the original's, in pixels, upright.

    `image` is smaller than that where a JPEG was decoded at reduced scale.
    """

    image: Image.Image
    format: str
    width: int
    height: int
    orientation_applied: bool

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
        # the decoder of TIFF turns the picture by itself, and then forgets that it did
        is_turned = image.format == "TIFF" and _orientation(image) in TRANSPOSITIONS
        if at_least is not None:
            side = DRAFT_MARGIN * max(at_least)
            image.draft("RGB", (side, side))
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
    if orientation not in TRANSPOSITIONS:
        return DecodedImage(rgb, image_format, width, height, orientation_applied=is_turned)
    if orientation >= FIRST_SIDEWAYS_ORIENTATION:
        width, height = height, width
    upright = rgb.transpose(TRANSPOSITIONS[orientation])
    return DecodedImage(upright, image_format, width, height, orientation_applied=True)


def _open(data: bytes, limits: ImageLimits) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise UnsupportedMediaType(
            f"the {len(data):,} bytes are not a picture in one of {', '.join(FORMATS)}; "
            "convert it to one of these, and send its bytes as they are (curl --data-binary)"
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PayloadTooLarge(
            f"the picture's header states more than {limits.max_pixels:,} pixels; "
            "send a smaller one"
        ) from None
    except Exception as error:  # on hostile input a parser may raise anything
        raise UnreadableImage(
            f"the picture's header cannot be read: {error}; save it again, and send its bytes as "
            "they are (curl --data-binary)"
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


def resized_size(width: int, height: int, preprocessing: Preprocessing) -> tuple[int, int]:
    """Give (rows, columns) of a width x height picture after resizing, before the crop."""
    rows, columns = preprocessing.size
    if preprocessing.resize == "exact":
        return rows, columns
    if rows * width >= columns * height:  # the height is the edge that must cover
        return rows, max(columns, rows * width // height)
    return max(rows, columns * height // width), columns


def crop_box(
    width: int, height: int, preprocessing: Preprocessing
) -> tuple[float, float, float, float]:
    """Give the part that the model sees, in the original's pixels: (left, top, right, bottom)."""
    rows, columns = resized_size(width, height, preprocessing)
    top, left = _crop_corner(rows, columns, preprocessing)
    vertical, horizontal = height / rows, width / columns
    return (
        left * horizontal,
        top * vertical,
        (left + preprocessing.crop[1]) * horizontal,
        (top + preprocessing.crop[0]) * vertical,
    )


def _crop_corner(rows: int, columns: int, preprocessing: Preprocessing) -> tuple[int, int]:
    return (rows - preprocessing.crop[0]) // 2, (columns - preprocessing.crop[1]) // 2


def fit(decoded: DecodedImage, preprocessing: Preprocessing) -> Image.Image:
    """Resize and crop a picture to what the model sees, in 8-bit RGB."""
    image, (rows, columns) = decoded.image, preprocessing.crop
    left, top, right, bottom = crop_box(decoded.width, decoded.height, preprocessing)
    across, down = image.width / decoded.width, image.height / decoded.height
    # resizing the box alone gives the pixels of resizing all and cropping, without the memory that
    # a picture of 100,000 x 1 would take
    box = (
        left * across,
        top * down,
        min(right * across, image.width),
        min(bottom * down, image.height),
    )
    return image.resize((columns, rows), INTERPOLATIONS[preprocessing.interpolation], box=box)


def pixel_values(image: Image.Image, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Scale a fitted picture to the model's input: float32 [3, rows, columns]."""
    scale = np.float32(preprocessing.rescale) / np.asarray(preprocessing.std, np.float32)
    shift = np.asarray(preprocessing.mean, np.float32) / np.asarray(preprocessing.std, np.float32)
    levels = np.asarray(image, np.float32) * scale - shift  # [rows, columns, 3]
    return np.ascontiguousarray(levels.transpose(2, 0, 1))


@dataclass(frozen=True)
class Prepared:
    """A picture that is ready for the engine: its pixel values are [3, rows, columns].

    The picture itself is not kept, since many may wait.
    """

    image: ImageFacts
    pixel_values: NDArray[np.float32]
    seconds: float


def prepare(data: bytes, preprocessing: Preprocessing, limits: ImageLimits) -> Prepared:
    """Take encoded bytes all the way, and time it. Raises what `decode_image` raises."""
    started = time.perf_counter()
    decoded, values = preprocess(data, preprocessing, limits)
    return Prepared(decoded.facts, values, time.perf_counter() - started)


def preprocess(
    data: bytes, preprocessing: Preprocessing, limits: ImageLimits
) -> tuple[DecodedImage, NDArray[np.float32]]:
    """Take encoded bytes all the way: the decoded picture and its pixel values."""
    decoded = decode_image(data, limits, preprocessing.background, at_least=preprocessing.size)
    return decoded, pixel_values(fit(decoded, preprocessing), preprocessing)
