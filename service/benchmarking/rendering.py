"""How long it takes to draw a map, without a model."""

from __future__ import annotations

import time
from typing import get_args

import numpy as np

from service.benchmarking.pictures import drawn_picture
from service.benchmarking.sample import Spread
from service.decoding import ImageLimits, decode_image
from service.drawing.heatmap import draw_heatmap, encode_png
from service.drawing.options import Drawing, Overlay
from service.drawing.scale import Scale
from service.engine import Floats

RENDERED_SIDE = 1024
OVERLAYS: tuple[Overlay, ...] = get_args(Overlay)


def rendering(rounds: int, grid: tuple[int, int]) -> dict[str, Spread]:
    """Draw a map over a photograph-like picture of 1024 x 1024 pixels, as PNG: milliseconds."""
    drawn = decode_image(drawn_picture(), ImageLimits()).image
    picture = drawn.resize((RENDERED_SIDE, RENDERED_SIDE))
    scores = peaks(grid)
    size, box = (RENDERED_SIDE, RENDERED_SIDE), (0, 0, RENDERED_SIDE, RENDERED_SIDE)
    times: dict[str, list[float]] = {overlay: [] for overlay in OVERLAYS}
    for _ in range(rounds):
        for overlay in OVERLAYS:
            started = time.perf_counter()
            drawing = Drawing(overlay=overlay)
            encode_png(draw_heatmap(picture, scores, box, size, drawing, Scale.of(scores)), "{}")
            times[overlay].append((time.perf_counter() - started) * 1000)
    return {overlay: Spread.of(found) for overlay, found in times.items()}


def peaks(grid: tuple[int, int]) -> Floats:
    """Give scores like those of a map: a few smooth peaks on nearly nothing."""
    rows, columns = np.indices(grid, dtype=np.float32) / np.float32(max(grid))
    places = np.random.default_rng(0).random((4, 2), np.float32)
    scores = np.zeros(grid, np.float32)
    for down, across in places:
        scores += np.exp(-((rows - down) ** 2 + (columns - across) ** 2) * np.float32(30))
    return scores
