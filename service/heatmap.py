"""Draws a map of scores over the picture it explains.

The map is laid over the original picture, not over the crop: only the part that the model saw is
coloured. A colour bar with numbers stands beside it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from service.engine import Floats

CIVIDIS = (  # Nunez, Anderton and Renslow, PLoS ONE 2018: the colour map at every 1/32, sRGB
    "00224e 00285b 002e6a 053371 1a386f 273e6e 32436d 3b496c 434e6c 4b546c 535a6d 5a5f6e 61656f "
    "686a71 6f7073 767676 7d7c78 838179 8b8778 928d78 9a9376 a29975 aaa073 b3a670 bbad6d c3b369 "
    "ccba64 d4c15f ddc858 e6d051 efd748 f8df3c fee838"
)
SHORTEST_DRAWN = 256  # pixels of the longer side; smaller pictures are enlarged to be seen
LONGEST_DRAWN = 1024
BAR_WIDTH = 20
BAR_MARGIN = 12
TEXT_WIDTH = 58
TEXT_SIZE = 12
INK, PAPER = (32, 32, 32), (255, 255, 255)


@dataclass(frozen=True)
class Scale:
    """The scores that the two ends of the colour map stand for."""

    min: float
    max: float

    @classmethod
    def of(cls, scores: Floats) -> Scale:
        """Span all the scores of a map."""
        return cls(float(scores.min()), float(scores.max()))

    @property
    def is_constant(self) -> bool:
        """Whether there is nothing to tell apart."""
        return not self.max > self.min

    def shares(self, scores: Floats) -> Floats:
        """Put scores between 0 and 1; a constant map is 0 everywhere."""
        if self.is_constant:
            return np.zeros_like(scores)
        shares: Floats = np.clip((scores - self.min) / (self.max - self.min), 0, 1)
        return shares


def color(shares: Floats) -> NDArray[np.uint8]:
    """Give the cividis colours of shares in [0, 1]: [..., 3]."""
    stops = np.frombuffer(bytes.fromhex(CIVIDIS), np.uint8).reshape(-1, 3)
    table = np.stack(
        [
            np.interp(np.linspace(0, 1, 256), np.linspace(0, 1, len(stops)), stops[:, channel])
            for channel in range(3)
        ],
        axis=-1,
    )
    colors: NDArray[np.uint8] = np.round(table).astype(np.uint8)[(shares * 255).astype(np.uint8)]
    return colors


def draw_heatmap(
    image: Image.Image,
    scores: Floats,
    crop_box: tuple[float, float, float, float],
    original_size: tuple[int, int],
    *,
    alpha: float = 0.6,
) -> Image.Image:
    """Blend a map [rows, columns] over a picture, with a colour bar to its right.

    `crop_box` (left, top, right, bottom) is where the map lies, in pixels of `original_size`
    (width, height). `alpha` in [0, 1] is how much of the colour shows. The longer side is drawn
    with 256 to 1024 pixels.
    """
    scale = Scale.of(scores)
    width, height = drawn_size(*original_size)
    picture = image.resize((width, height), Image.Resampling.BICUBIC)
    horizontal, vertical = width / original_size[0], height / original_size[1]
    left, right = round(crop_box[0] * horizontal), round(crop_box[2] * horizontal)
    top, bottom = round(crop_box[1] * vertical), round(crop_box[3] * vertical)
    smooth = Image.fromarray(scale.shares(scores)).resize(
        (max(1, right - left), max(1, bottom - top)), Image.Resampling.BILINEAR
    )
    colors = Image.fromarray(color(np.asarray(smooth)))
    seen = picture.crop((left, top, left + colors.width, top + colors.height))
    picture.paste(Image.blend(seen, colors, alpha), (left, top))
    return _with_color_bar(picture, scale)


def drawn_size(width: int, height: int) -> tuple[int, int]:
    """Give the (width, height) at which a picture is drawn."""
    longest = max(width, height)
    factor = min(max(longest, SHORTEST_DRAWN), LONGEST_DRAWN) / longest
    return max(1, round(width * factor)), max(1, round(height * factor))


def encode_png(image: Image.Image, metadata: str) -> bytes:
    """Encode a drawn map as PNG; `metadata` (JSON) travels in the text chunk `vitrine`."""
    info = PngInfo()
    info.add_text("vitrine", metadata)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=info, compress_level=1)
    return buffer.getvalue()


def _with_color_bar(picture: Image.Image, scale: Scale) -> Image.Image:
    panel = BAR_MARGIN + BAR_WIDTH + TEXT_WIDTH
    canvas_height = max(picture.height, 3 * TEXT_SIZE + 2 * BAR_MARGIN)
    canvas = Image.new("RGB", (picture.width + panel, canvas_height), PAPER)
    canvas.paste(picture, (0, 0))
    top, bottom = BAR_MARGIN, canvas_height - BAR_MARGIN
    ramp = np.linspace(1, 0, bottom - top, dtype=np.float32)[:, None].repeat(BAR_WIDTH, axis=1)
    left = picture.width + BAR_MARGIN
    canvas.paste(Image.fromarray(color(ramp)), (left, top))
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(TEXT_SIZE)
    middle = (scale.min + scale.max) / 2
    for value, height in ((scale.max, top), (middle, (top + bottom) // 2), (scale.min, bottom)):
        draw.text((left + BAR_WIDTH + 6, height), f"{value:.3g}", INK, font, anchor="lm")
    return canvas
