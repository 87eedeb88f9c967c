"""How many replicas Kubernetes' HorizontalPodAutoscaler wants, by its documented algorithm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

SYNC_SECONDS = 15
TOLERANCE = 0.1
GROW_SECONDS, GROW_FACTOR, GROW_BY = 15, 2, 2  # the more of both, as the chart sets it
SHRINK_SECONDS, SHRINK_BY = 60, 1
Measure = Literal["cpu", "queue"]


@dataclass(frozen=True)
class Target:
    """What the mean over the replicas is to be: percent of CPU, or images that wait."""

    measure: Measure
    value: float

    def __str__(self) -> str:
        return f"cpu {self.value:g} %" if self.measure == "cpu" else f"queue {self.value:g}"


@dataclass(frozen=True)
class Bounds:
    """The least and the most replicas, and how long fewer must have been enough."""

    least: int
    most: int
    scale_down_seconds: float = 300


def wanted(values: Sequence[float], starting: int, target: float) -> int:
    """Give the replicas that one measure asks for, by its values in those that are ready.

    Those that start count as idle where more are wanted, and as on target where fewer are, so that
    they neither hurry nor hold up the others.
    """
    replicas = len(values) + starting
    if not values:
        return replicas
    ratio = sum(values) / len(values) / target
    assumed = 0.0 if ratio > 1 else target
    corrected = (sum(values) + starting * assumed) / replicas / target
    if abs(corrected - 1) <= TOLERANCE or (ratio > 1) != (corrected > 1):
        return replicas
    return math.ceil(corrected * replicas - 1e-9)


class Autoscaler:
    """Remembers what was wanted and done, so that it grows at once and shrinks with patience.

    Invariant: what it decides lies within the bounds.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._wanted: list[tuple[float, int]] = []
        self._changes: list[tuple[float, int]] = []

    def decide(self, at: float, replicas: int, asked: int) -> int:
        """Give the replicas to have from now on, where the measures ask for so many."""
        since = at - self.bounds.scale_down_seconds
        self._wanted = [earlier for earlier in self._wanted if earlier[0] > since]
        self._wanted.append((at, asked))
        patient = max(asked, min(replicas, max(number for _, number in self._wanted)))
        allowed = min(self._ceiling(at, replicas), max(self._floor(at, replicas), patient))
        decided = min(self.bounds.most, max(self.bounds.least, allowed))
        if decided != replicas:
            self._changes.append((at, decided - replicas))
        return decided

    def _ceiling(self, at: float, replicas: int) -> int:
        before = self._before(at - GROW_SECONDS, replicas)
        return max(before * GROW_FACTOR, before + GROW_BY)

    def _floor(self, at: float, replicas: int) -> int:
        return self._before(at - SHRINK_SECONDS, replicas) - SHRINK_BY

    def _before(self, since: float, replicas: int) -> int:
        return replicas - sum(by for when, by in self._changes if when > since)
