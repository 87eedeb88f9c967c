"""From encoded bytes to the pixel values that the model was trained with.

`service.decoding` makes an upright RGB picture of them; `fit` resizes and crops it as the contract
says; `pixel_values` scales.

A large picture costs less than its pixels: a JPEG is decoded at reduced scale, and others are
averaged in whole blocks of pixels before they are resized, where that leaves REDUCING_GAP times the
pixels that are needed. What the model sees then differs from the full path by less than 1 level of
255 on average and by 12 in the worst place, in pictures of 12 megapixels by less than 0.5 and by 4
(docs/benchmarks.md, "Large pictures").
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.contract import Preprocessing
from service.crop import Box, crop_box, crop_corner, resized_size
from service.decoding import DecodedImage, ImageFacts, ImageLimits, decode_image

INTERPOLATIONS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
REDUCING_GAP = 4.0  # 2 would be off by up to 7 levels, for a third less time
MOST_WHOLE = 8  # times the crop's pixels that a whole picture is resized to before it is cropped


def fit(decoded: DecodedImage, preprocessing: Preprocessing) -> Image.Image:
    """Resize and crop a picture to what the model sees, in 8-bit RGB."""
    rows, columns = preprocessing.crop
    size = decoded.height, decoded.width
    if decoded.image.size[::-1] == size == preprocessing.size == preprocessing.crop:
        return decoded.image
    whole = resized_size(decoded.width, decoded.height, preprocessing)
    if preprocessing.crop_after_resizing and whole[0] * whole[1] <= MOST_WHOLE * rows * columns:
        top, left = crop_corner(*whole, preprocessing)
        resized = _resized(decoded, whole, decoded.area, preprocessing)
        return resized.crop((left, top, left + columns, top + rows))
    # resizing the box alone gives the pixels of resizing all and cropping, to the rounding between
    # Pillow's two passes, without the memory that a picture of 100,000 x 1 would take
    box = crop_box(decoded.width, decoded.height, preprocessing)
    return _resized(decoded, preprocessing.crop, _within(decoded, box), preprocessing)


def _resized(
    decoded: DecodedImage, size: tuple[int, int], box: Box, preprocessing: Preprocessing
) -> Image.Image:
    """Resize a box of what was decoded to (rows, columns)."""
    return decoded.image.resize(
        size[::-1],
        INTERPOLATIONS[preprocessing.interpolation],
        box=box,
        reducing_gap=REDUCING_GAP,
    )


def _within(decoded: DecodedImage, box: Box) -> Box:
    """Take a box of the original's pixels to those that were decoded."""
    left, top, right, bottom = decoded.area
    across, down = (right - left) / decoded.width, (bottom - top) / decoded.height
    return (
        left + box[0] * across,
        top + box[1] * down,
        min(left + box[2] * across, right),
        min(top + box[3] * down, bottom),
    )


def pixel_values(image: Image.Image, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Scale a fitted picture to the model's input: float32 [3, rows, columns]."""
    scales = _scales(preprocessing.rescale, preprocessing.mean, preprocessing.std)
    levels = np.asarray(image)  # [rows, columns, 3]
    values = np.empty((3, *levels.shape[:2]), np.float32)
    for channel, (scale, shift) in enumerate(scales):  # all at once would take five times as long
        plane = np.multiply(levels[..., channel], scale, out=values[channel])
        plane -= shift
    return values


@lru_cache
def _scales(
    rescale: float, mean: tuple[float, ...], std: tuple[float, ...]
) -> list[tuple[np.float32, np.float32]]:
    """Give for each channel what its levels are multiplied by, and what is taken off then."""
    scale = np.float32(rescale) / np.asarray(std, np.float32)
    shift = np.asarray(mean, np.float32) / np.asarray(std, np.float32)
    return list(zip(scale, shift, strict=True))


def levels_of(values: NDArray[np.float32], preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Give back the fitted picture that `pixel_values` scaled: 8-bit RGB [rows, columns, 3]."""
    std, mean = np.asarray(preprocessing.std), np.asarray(preprocessing.mean)
    found = (values.transpose(1, 2, 0) * std + mean) / preprocessing.rescale
    levels: NDArray[np.uint8] = np.rint(found).clip(0, 255).astype(np.uint8)
    return levels


class Prepared(NamedTuple):
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
