"""Pictures of coloured shapes: a task that is tiny and yet real."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {"red": (220, 40, 40), "green": (40, 200, 60), "blue": (40, 60, 220)}


def draw_shape(colour: str, seed: int, side: int = 16) -> Image.Image:
    """Draw a circle or a square of the colour somewhere on grey noise."""
    random = np.random.default_rng(seed)
    noise = random.integers(90, 160, (side, side, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    left, top = random.integers(0, side // 2, 2).tolist()
    box = (left, top, left + side // 2, top + side // 2)
    draw = ImageDraw.Draw(image)
    shape = draw.ellipse if random.random() < 0.5 else draw.rectangle
    shape(box, fill=COLOURS[colour])
    return image


def write_pictures(folder: Path, part: str, counts: dict[str, int], first_seed: int = 0) -> Path:
    """Write `counts` pictures of each colour as folder/part/colour/number.png."""
    for colour, count in counts.items():
        target = folder / part / colour
        target.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            draw_shape(colour, first_seed + number).save(target / f"{number:03}.png")
    return folder
