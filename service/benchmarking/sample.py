"""What was measured in one go, and how it is summarized."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

MILLISECONDS = 1000


@dataclass(frozen=True)
class Sample:
    """What was measured in one go.

    `latencies_seconds` has one entry for each answer with status 200, `refusals_seconds` one for
    each refusal (429 or 503). `errors` counts everything but 200 by what it was, refusals too.
    `seconds` is the time from the first request to the last answer. `held_back` counts arrivals
    that found every connection taken. `stolen` is the share of the machine's CPU time that other
    machines took meanwhile; `repeats` says how often it was measured before because of that.
    """

    latencies_seconds: tuple[float, ...]
    seconds: float
    errors: dict[str, int] = field(default_factory=dict)
    refusals_seconds: tuple[float, ...] = ()
    held_back: int = 0
    stolen: float = 0.0
    repeats: int = 0

    @property
    def per_second(self) -> float:
        """Images answered in a second."""
        return len(self.latencies_seconds) / self.seconds


def side_by_side(samples: Sequence[Sample]) -> Sample:
    """Put together what was measured at the same time."""
    return Sample(
        latencies_seconds=all_of(sample.latencies_seconds for sample in samples),
        seconds=max(sample.seconds for sample in samples),
        errors=errors_of(samples),
        refusals_seconds=all_of(sample.refusals_seconds for sample in samples),
    )


def all_of(parts: Iterable[tuple[float, ...]]) -> tuple[float, ...]:
    """Put the latencies of several samples into one row."""
    return tuple(latency for part in parts for latency in part)


def errors_of(samples: Iterable[Sample]) -> dict[str, int]:
    """Count the errors of several samples."""
    return dict(sum((Counter(sample.errors) for sample in samples), Counter[str]()))


@dataclass(frozen=True)
class Percentiles:
    """Latencies in milliseconds; `count` says of how many."""

    count: int
    p50: float
    p90: float
    p99: float
    p99_9: float
    max: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Percentiles | None:
        """Summarize latencies; there is nothing to say of none."""
        if not seconds:
            return None
        milliseconds = np.asarray(seconds) * MILLISECONDS
        p50, p90, p99, p99_9 = np.percentile(milliseconds, [50, 90, 99, 99.9]).tolist()
        return cls(len(seconds), p50, p90, p99, p99_9, float(milliseconds.max()))


@dataclass(frozen=True)
class Spread:
    """The median of a figure over the rounds, and its extremes."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarize the rounds."""
        return cls(float(np.median(values)), min(values), max(values))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.min:.2f} to {self.max:.2f})"
