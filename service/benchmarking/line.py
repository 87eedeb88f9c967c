"""One line of a table of loads: what it gave over all rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.benchmarking.sample import Percentiles, Sample, Spread, all_of, errors_of
from service.benchmarking.table import errors, table

HEAD = (
    "load",
    "images/s",
    "p50 ms",
    "p90 ms",
    "p99 ms",
    "p99.9 ms",
    "max ms",
    "refused",
    "refusal p99 ms",
    "held back",
    "stolen",
    "repeated",
    "errors",
)


@dataclass(frozen=True)
class Line:
    """A load, over all rounds. Latencies of answers and of refusals are kept apart, in ms."""

    load: str
    images_per_second: Spread
    latency_ms: Percentiles | None
    refusal_ms: Percentiles | None
    errors: dict[str, int]
    held_back: int
    stolen: float
    repeats: int

    @classmethod
    def of(cls, load: str, samples: Sequence[Sample]) -> Line:
        """Summarize the samples of a load."""
        return cls(
            load=load,
            images_per_second=Spread.of([sample.per_second for sample in samples]),
            latency_ms=Percentiles.of(all_of(sample.latencies_seconds for sample in samples)),
            refusal_ms=Percentiles.of(all_of(sample.refusals_seconds for sample in samples)),
            errors=errors_of(samples),
            held_back=sum(sample.held_back for sample in samples),
            stolen=max(sample.stolen for sample in samples),
            repeats=sum(sample.repeats for sample in samples),
        )


def line_table(lines: Sequence[Line]) -> str:
    """Write loads as a table."""
    return table(HEAD, [_row(line) for line in lines])


def _row(line: Line) -> list[str]:
    latency, refusal = line.latency_ms, line.refusal_ms
    figures = (latency.p50, latency.p90, latency.p99, latency.p99_9, latency.max) if latency else ()
    return [
        line.load,
        str(line.images_per_second),
        *([f"{figure:.2f}" for figure in figures] or ["-"] * 5),
        str(refusal.count if refusal else 0),
        f"{refusal.p99:.2f}" if refusal else "-",
        str(line.held_back),
        f"{line.stolen:.0%}",
        str(line.repeats),
        errors(line.errors),
    ]
