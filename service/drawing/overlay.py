"""Lays a map over the part of a picture that the model saw.

The functions that lay something draw on `picture` (RGB), where `levels` is the map at the size of
`box` in 256 levels ("L"). What depends on a score is looked up in a table of 256 entries, and
pixels are mixed by Pillow, in C and in 8 bits.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image

from service.drawing.colormap import LEVELS, Colors, nearest_levels
from service.engine import Floats

Interpolation = Literal["nearest", "bilinear"]
RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
}
OPAQUE = 255

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels


def stretch(shares: Floats, size: tuple[int, int], interpolation: Interpolation) -> Image.Image:
    """Enlarge shares [rows, columns] to a picture of 256 levels; `size` is (width, height).

    The score of a patch lies at the patch's centre.
    """
    return Image.fromarray(nearest_levels(shares)).resize(size, RESAMPLING[interpolation])


def strengths(*, is_signed: bool) -> Floats:
    """Give how strong each level is [256], in [0, 1]: its share, or its distance from zero."""
    if not is_signed:
        return np.linspace(0, 1, LEVELS, dtype=np.float32)
    rising = np.linspace(0, 1, LEVELS // 2, dtype=np.float32)
    return np.concatenate([rising[::-1], rising])


def paint(levels: Image.Image, colors: Colors) -> Image.Image:
    """Give every level its colour; `colors` is [256, 3]."""
    painted = levels.copy()
    painted.putpalette(colors.tobytes())
    return painted.convert("RGB")


def lay_blend(
    picture: Image.Image, box: Box, levels: Image.Image, colors: Colors, alpha: float
) -> None:
    """Mix colours over the picture, as strongly everywhere."""
    picture.paste(Image.blend(picture.crop(box), paint(levels, colors), alpha), box)


def lay_alpha(
    picture: Image.Image, box: Box, levels: Image.Image, colors: Colors, opacity: Floats
) -> None:
    """Mix colours over the picture, each level as strongly as `opacity` [256] says."""
    picture.paste(paint(levels, colors), box, _looked_up(levels, opacity))


def lay_mask(picture: Image.Image, box: Box, levels: Image.Image, darkness: Floats) -> None:
    """Darken the picture, each level as much as `darkness` [256] says; 1 is black."""
    black = Image.new("RGB", levels.size)  # a picture, which Pillow pastes faster than a color
    picture.paste(black, box, _looked_up(levels, darkness))


def _looked_up(levels: Image.Image, shares: Floats) -> Image.Image:
    return levels.point(np.round(shares * OPAQUE).astype(np.uint8).tolist())
