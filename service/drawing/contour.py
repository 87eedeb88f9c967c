"""Draws lines of equal score, like the contours of a hill on a walker's map."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from service.drawing.overlay import Box, Interpolation
from service.engine import Floats

Color = tuple[int, int, int]
Point = tuple[float, float]
Points = NDArray[np.float64]  # [points, (x, y)]
Segments = NDArray[np.float64]  # [segments, 2 ends, (x, y)]

SPACING = 8  # pixels from point to point of a line
WIDENING = 384  # pixels of the longer side: a line is 2 pixels wide, and 1 more for each
FINENESS = 2  # lines are drawn at twice the size and then reduced, which smooths their edges
OUTLINE = 1.25  # pixels on each side of a line
DARK, LIGHT = (16, 16, 16), (255, 255, 255)
LUMINANCE = (0.2126, 0.7152, 0.0722)  # Rec. 709
RIGHT, DOWN = np.array([1, 0]), np.array([0, 1])
# the (row, column) of both corners of a square's edges, clockwise from the top; the same edge has
# the same first corner in both of its squares, so that both find the very same crossing
EDGES = np.array([[[0, 0], [0, 1]], [[0, 1], [1, 1]], [[1, 0], [1, 1]], [[0, 0], [1, 0]]])
DARKEST_WITH_DARK_OUTLINE = 80  # of 255; a darker line has a light outline


def lay_contours(
    picture: Image.Image,
    box: Box,
    shares: Floats,
    colors: Mapping[float, Color],
    alpha: float,
    interpolation: Interpolation,
) -> None:
    """Draw a line on a picture where the map `shares` [rows, columns] crosses each of the levels.

    The map lies in `box`; `colors` are those of the lines by level. Every line has a thin outline,
    so that it shows on any picture. `alpha` in [0, 1] is how opaque the lines are.
    """
    size = box[2] - box[0], box[3] - box[1]
    lines = contour_lines(shares, tuple(colors), size, interpolation)
    if not lines:
        return
    width = 2 + max(size) / WIDENING
    left, top, right, bottom = _bounds(lines, width + OUTLINE, size)
    place = box[0] + left, box[1] + top, box[0] + right, box[1] + bottom
    part = picture.crop(place)
    fine = part.resize((part.width * FINENESS, part.height * FINENESS), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(fine)
    joint = "curve" if interpolation == "nearest" else None  # there are corners only then
    outlines = {level: outline_of(color) for level, color in colors.items()}
    for stroke, inks in ((width + 2 * OUTLINE, outlines), (width, colors)):
        for level, line in lines:
            points = (line - (left, top)) * FINENESS - 0.5
            draw.line(points.ravel().tolist(), inks[level], round(stroke * FINENESS), joint)
    picture.paste(Image.blend(part, fine.reduce(FINENESS), alpha), place)


def outline_of(color: Color) -> Color:
    """Give the color that sets a line off: dark, or light where the line itself is dark."""
    luminance = float(np.dot(color, LUMINANCE))
    return DARK if luminance > DARKEST_WITH_DARK_OUTLINE else LIGHT


def _bounds(lines: Sequence[tuple[float, Points]], margin: float, size: tuple[int, int]) -> Box:
    """Give the smallest box around lines with a margin, within a picture."""
    points = np.concatenate([line for _, line in lines])
    left, top = np.maximum(np.floor(points.min(axis=0) - margin), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(points.max(axis=0) + margin), size).astype(int).tolist()
    return left, top, right, bottom


def contour_lines(
    shares: Floats, levels: Sequence[float], size: tuple[int, int], interpolation: Interpolation
) -> list[tuple[float, Points]]:
    """Give the lines along which shares [rows, columns], stretched to a size, cross levels.

    `size` is (width, height); the points of a line are [points, (x, y)] in its pixels, from the
    left top corner. Nearest follows the edges of the patches.
    """
    of_level = _patch_edges if interpolation == "nearest" else _smooth_lines
    return [(level, line) for level in levels for line in _chained(of_level(shares, level, size))]


def _patch_edges(shares: Floats, level: float, size: tuple[int, int]) -> Segments:
    """Give the edges between patches of which one only is above a level."""
    is_above = shares >= level
    upright = np.argwhere(is_above[:, 1:] != is_above[:, :-1])[:, ::-1] + RIGHT
    level_ones = np.argwhere(is_above[1:] != is_above[:-1])[:, ::-1] + DOWN
    starts = np.concatenate([upright, level_ones])
    ends = np.concatenate([upright + DOWN, level_ones + RIGHT])
    edges: Segments = np.stack([starts, ends], axis=1) * (np.array(size) / shares.shape[::-1])
    return edges


def _smooth_lines(shares: Floats, level: float, size: tuple[int, int]) -> Segments:
    columns, rows = (max(2, length // SPACING) for length in size)
    field = np.asarray(
        Image.fromarray(shares).resize((columns, rows), Image.Resampling.BILINEAR), np.float64
    )
    crossings = _crossings(np.pad(field, 1, "edge"), level)  # as far as the picture's edges
    samples = np.array([columns, rows])
    places: Segments = np.clip(crossings - 0.5, 0, samples) * (np.array(size) / samples)
    return places


def _crossings(field: NDArray[np.float64], level: float) -> Segments:
    """Give the segments of marching squares (Lorensen and Cline 1987, in the plane).

    Of every square, an even number of edges is crossed; clockwise, each two are joined.
    """
    is_above = field >= level
    across, down = is_above[:, 1:] != is_above[:, :-1], is_above[1:] != is_above[:-1]
    crossed = np.stack([across[:-1], down[:, 1:], across[1:], down[:, :-1]], axis=-1)
    row, column, edge = np.nonzero(crossed)
    start, end = EDGES[edge].transpose(1, 2, 0) + np.stack([row, column])
    first, second = field[tuple(start)], field[tuple(end)]
    points = start + (end - start) * ((level - first) / (second - first))  # [(row, column), points]
    segments: Segments = points[::-1].T.reshape(-1, 2, 2)
    return segments


def _chained(segments: Segments) -> list[Points]:
    """Join segments that share an end into lines."""
    neighbors: dict[Point, list[Point]] = defaultdict(list)
    for (left, top), (right, bottom) in segments.tolist():
        neighbors[left, top].append((right, bottom))
        neighbors[right, bottom].append((left, top))
    ends = [point for point, others in neighbors.items() if len(others) == 1]
    lines = (_walk(start, neighbors) for start in (*ends, *neighbors))
    return [np.array(_closed(line)) for line in lines if len(line) > 1]


def _closed(line: list[Point]) -> list[Point]:
    """Go one point further where a line ends at its start, so that the corner there is joined."""
    return [*line, line[1]] if line[0] == line[-1] else line


def _walk(start: Point, neighbors: dict[Point, list[Point]]) -> list[Point]:
    line = [start]
    while neighbors[line[-1]]:
        point = neighbors[line[-1]].pop()
        neighbors[point].remove(line[-1])
        line.append(point)
    return line
