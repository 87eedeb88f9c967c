"""Pictures to compare preprocessing with: drawn ones of odd sizes, and photographs if there."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

BESIDE = Path(__file__).parents[4] / "shared" / "data" / "clothing" / "clothing-224.zip"
CLOTHING = Path(os.environ.get("VITRINE_CLOTHING", BESIDE))
ODD_SIZES = ((501, 333), (333, 501), (97, 211), (640, 427), (1023, 769), (225, 224), (51, 77))


def drawn_pictures() -> list[bytes]:
    """Draw pictures with edges, slopes and grain, each of another odd size."""
    random = np.random.default_rng(0)
    return [_drawn(width, height, random) for width, height in ODD_SIZES]


def _drawn(width: int, height: int, random: np.random.Generator) -> bytes:
    coarse = random.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    grain = random.integers(-12, 13, (height, width, 3))
    levels = (np.asarray(smooth).astype(np.int64) + grain).clip(0, 255)
    buffer = io.BytesIO()
    Image.fromarray(levels.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def photographs(count: int = 12) -> list[bytes]:
    """Give real photographs, evenly taken from the archive."""
    with zipfile.ZipFile(CLOTHING) as archive:
        names = [name for name in archive.namelist() if name.endswith(".jpg")]
        return [archive.read(name) for name in names[:: len(names) // count][:count]]
