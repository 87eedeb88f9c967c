"""Draws the front, top-1 over images a second, as an SVG that is readable in light and in dark.

What no other point beats is filled and joined by a line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from model.front import BATCHES, Front

WIDTH, HEIGHT = 800, 460
LEFT, RIGHT, TOP, BOTTOM = 76, 24, 56, 64
LABEL_HEIGHT, LETTER_WIDTH, GAP = 16.0, 6.6, 8.0
TICKS = 6
ROWS_TRIED = 12  # above a point and below it, for its name
STYLE = """
    svg { --ground: #f7f8fa; --ink: #22262b; --soft: #5a6470; --rule: #dde1e6; --fp32: #1a5fb4;
          --int8: #b3400a; }
    @media (prefers-color-scheme: dark) {
      svg { --ground: #16191d; --ink: #e6e9ed; --soft: #a2abb6; --rule: #333a42; --fp32: #78aeed;
            --int8: #ff9d66; } }
    .ground { fill: var(--ground) } text { fill: var(--ink) } .soft { fill: var(--soft) }
    .rule { stroke: var(--rule) } .front { stroke: var(--soft); fill: none; stroke-dasharray: 5 4 }
    .fp32 { stroke: var(--fp32); fill: var(--ground) } .int8 { stroke: var(--int8);
    fill: var(--ground) } .best.fp32 { fill: var(--fp32) } .best.int8 { fill: var(--int8) }
    .spread { stroke-opacity: .55 }"""


@dataclass(frozen=True)
class Box:
    """A rectangle on the drawing."""

    x: float
    y: float
    width: float
    height: float

    def meets(self, other: Box) -> bool:
        """Whether both cover a place."""
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )


@dataclass(frozen=True)
class Axis:
    """Lays values out between two places, with ticks at round numbers."""

    low: float
    high: float
    begin: float
    end: float
    step: float

    @classmethod
    def over(cls, values: Sequence[float], begin: float, end: float) -> Axis:
        """Span the values and a margin."""
        span = (max(values) - min(values)) or abs(max(values)) or 1.0
        step = _round_step(1.2 * span / TICKS)
        margin = 0.1 * span if min(values) else 0.0  # nothing lies below 0
        low = math.floor((min(values) - margin) / step) * step
        return cls(low, max(values) + 0.12 * span, begin, end, step)

    def place(self, value: float) -> float:
        """Say where a value lies."""
        share = (value - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)

    @property
    def ticks(self) -> list[float]:
        """Round values, from the lowest on."""
        return [
            self.low + n * self.step for n in range(int((self.high - self.low) / self.step) + 1)
        ]


def draw_front(front: Front) -> str:
    """Give the drawing. Every point needs an accuracy."""
    speeds = [point.throughput(front.cpus) for point in front.points]
    across = Axis.over([0.0, *(one.high for one in speeds)], LEFT, WIDTH - RIGHT)
    up = Axis.over([100 * (point.top1 or 0.0) for point in front.points], HEIGHT - BOTTOM, TOP)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-labelledby="title description" font-family="system-ui, sans-serif" font-size="12">',
        '  <title id="title">Accuracy against images a second</title>',
        f'  <desc id="description">{escape(_description(front))}</desc>',
        f"  <style>{STYLE}\n  </style>",
        f'  <rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="12"/>',
        *_axes(front, across, up),
        *_points(front, across, up),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _description(front: Front) -> str:
    return "; ".join(
        f"{point.name}: {100 * (point.top1 or 0):.2f} % at "
        f"{point.throughput(front.cpus).median:.0f} images a second"
        f"{', on the front' if front.is_best(point) else ''}"
        for point in front.points
    )


def _axes(front: Front, across: Axis, up: Axis) -> Iterator[str]:
    yield (
        f'  <text x="{LEFT}" y="26" font-size="14">Top-1 on {front.images:,} {front.part} pictures '
        f"against images a second of {front.cpus} CPUs, batches of {BATCHES[-1]}</text>"
    )
    yield (
        f'  <text class="soft" x="{LEFT}" y="44">{escape(front.processor)}; filled: no other is '
        "both as accurate and as fast; bars: lowest and highest of the rounds</text>"
    )
    bottom = HEIGHT - BOTTOM
    for tick in up.ticks:
        y = up.place(tick)
        yield f'  <path class="rule" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
        yield _number(f"{tick:g} %", LEFT - 8, y + 4, "end")
    for tick in across.ticks:
        x = across.place(tick)
        yield f'  <path class="rule" d="M{x:.1f} {TOP}V{bottom}"/>'
        yield _number(f"{tick:g}", x, bottom + 18, "middle")
    yield (
        f'  <text class="soft" x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{bottom + 40}" '
        'text-anchor="middle">images a second, from CPU time</text>'
    )


def _number(text: str, x: float, y: float, anchor: str) -> str:
    return f'  <text class="soft" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _points(front: Front, across: Axis, up: Axis) -> Iterator[str]:
    at = {
        point.name: (
            across.place(point.throughput(front.cpus).median),
            up.place(100 * (point.top1 or 0.0)),
        )
        for point in front.points
    }
    best = [point for point in front.points if front.is_best(point)]
    if len(best) > 1:
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in sorted(at[point.name] for point in best))
        yield f'  <path class="front" d="M{path}"/>'
    taken = [Box(x - 7, y - 7, 14, 14) for x, y in at.values()]
    for point in front.points:
        y, spread = at[point.name][1], point.throughput(front.cpus)
        low, high = across.place(spread.low), across.place(spread.high)
        taken.append(Box(low, y - 1, high - low, 2))
        yield f'  <path class="spread {point.precision}" d="M{low:.1f} {y:.1f}H{high:.1f}"/>'
    for point in front.points:
        x, y = at[point.name]
        kind = f"{point.precision}{' best' if point in best else ''}"
        if point.precision == "fp32":
            yield f'  <circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="5" stroke-width="2"/>'
        else:
            yield (
                f'  <rect class="{kind}" x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10" '
                'stroke-width="2"/>'
            )
        label = _free_place(x, y, LETTER_WIDTH * len(point.name), taken)
        taken.append(label)
        yield f'  <text x="{label.x:.1f}" y="{label.y + 12:.1f}">{escape(point.name)}</text>'


def _free_place(x: float, y: float, width: float, taken: Sequence[Box]) -> Box:
    """Find a place for a label near its point that meets nothing; below it where there is none."""
    left_most, right_most = float(LEFT), float(WIDTH - RIGHT) - width
    for distance in range(1, ROWS_TRIED):
        above = y - GAP - distance * LABEL_HEIGHT
        below = y + GAP + (distance - 1) * LABEL_HEIGHT
        for left in (x - width / 2, x - 2 * GAP, x + 2 * GAP - width):
            for top in (above, below):
                box = Box(min(max(left, left_most), right_most), top, width, LABEL_HEIGHT)
                is_inside = top >= TOP and top + LABEL_HEIGHT <= HEIGHT - BOTTOM
                if is_inside and not any(box.meets(other) for other in taken):
                    return box
    return Box(min(max(x - width / 2, left_most), right_most), y + GAP, width, LABEL_HEIGHT)


def _round_step(rough: float) -> float:
    """Give 1, 2 or 5 times a power of ten, at least as large."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
