"""What `vitrine benchmark` found: its values, and the tables that are pasted into the docs."""

from __future__ import annotations

from dataclasses import dataclass

from service.benchmarking.machine import Machine
from service.benchmarking.memory import MEGABYTE, Memory
from service.benchmarking.sample import Percentiles, Sample, Spread, all_of, errors_of
from service.benchmarking.scenario import Scenario
from service.benchmarking.table import errors, table
from service.benchmarking.workload import CLASSIFY
from service.errors import InferenceFailed

HEAD = (
    "work",
    "",
    "images/s",
    "p50 ms",
    "p90 ms",
    "p99 ms",
    "of bare",
    "ms behind bare",
    "time / classify",
    "stolen",
    "errors",
)


@dataclass(frozen=True)
class Figures:
    """What one scenario gave over all rounds.

    `share_of_bare` is its throughput over that of a loop on each CPU. `behind_bare_ms` is its p50
    less that of one loop with all CPUs, where that means something: for one caller.
    `times_classify` is its time for an image over that of classify with as many callers; 1 for
    classify itself.
    """

    work: str
    scenario: str
    callers: int
    images_per_second: Spread
    latency_ms: Percentiles
    share_of_bare: Spread
    behind_bare_ms: Spread | None
    times_classify: Spread
    errors: dict[str, int]
    stolen: float
    repeats: int


@dataclass(frozen=True)
class Report:
    """The whole result. `rendering` is in milliseconds by overlay; `memory` is by state."""

    machine: Machine
    bundle: str
    picture: str
    rounds: int
    seconds: float
    figures: list[Figures]
    rendering: dict[str, Spread]
    memory: dict[str, Memory]
    first_start_seconds: float
    second_start_seconds: float


def figures(scenario: Scenario, samples: dict[Scenario, list[Sample]]) -> Figures:
    """Summarize a scenario; ratios are to what was measured in the same round."""
    own = samples[scenario]
    latency = latency_of(own)
    return Figures(
        work=scenario.work,
        scenario=scenario.who,
        callers=scenario.callers,
        images_per_second=Spread.of([sample.per_second for sample in own]),
        latency_ms=latency,
        share_of_bare=share(own, samples[Scenario(scenario.work, "each", scenario.picture)]),
        behind_bare_ms=behind(own, samples[Scenario(scenario.work, "all", scenario.picture)])
        if scenario.callers == 1
        else None,
        times_classify=share(samples[Scenario(CLASSIFY.name, scenario.by, scenario.picture)], own),
        errors=errors_of(own),
        stolen=max(sample.stolen for sample in own),
        repeats=sum(sample.repeats for sample in own),
    )


def latency_of(samples: list[Sample]) -> Percentiles:
    """Summarize the latencies of all rounds. Raises InferenceFailed where there are none."""
    latency = Percentiles.of(all_of(sample.latencies_seconds for sample in samples))
    if latency is None:
        raise InferenceFailed(f"no image was answered: {errors_of(samples)}")
    return latency


def share(ours: list[Sample], theirs: list[Sample]) -> Spread:
    """Give throughput over throughput, round by round."""
    return Spread.of(
        [mine.per_second / other.per_second for mine, other in zip(ours, theirs, strict=True)]
    )


def behind(ours: list[Sample], theirs: list[Sample]) -> Spread:
    """Give how many milliseconds one median latency is longer than another, round by round."""
    return Spread.of(
        [
            latency_of([mine]).p50 - latency_of([other]).p50
            for mine, other in zip(ours, theirs, strict=True)
        ]
    )


def tables(report: Report) -> str:
    """Write a report as Markdown that is also good to read in a terminal."""
    sections = [
        str(report.machine),
        f"Bundle {report.bundle}; picture: {report.picture}; {report.rounds} rounds of "
        f"{report.seconds:g} s a line, in turns; ratios: median (lowest to highest round)",
    ]
    of_classify = [figures for figures in report.figures if figures.work == CLASSIFY.name]
    others = [figures for figures in report.figures if figures.work != CLASSIFY.name]
    sections.append(table(HEAD, [_row(figures) for figures in of_classify]))
    if others:
        in_order = sorted(others, key=lambda one: [other.work for other in others].index(one.work))
        sections.append(table(HEAD, [_row(figures) for figures in in_order]))
    drawn = [[overlay, str(found)] for overlay, found in report.rendering.items()]
    sections.append(table(["PNG of 1024 x 1024 pixels", "milliseconds"], drawn))
    if report.memory:
        head = ["memory of the service", "resident MB", "proportional MB", "of classify loaded"]
        base = report.memory["classify loaded"]
        rows = [_memory_row(state, held, base) for state, held in report.memory.items()]
        sections.append(table(head, rows))
    starts = [
        ["first, nothing compiled", f"{report.first_start_seconds:.2f}"],
        ["second", f"{report.second_start_seconds:.2f}"],
    ]
    sections.append(table(["start of the service", "seconds to ready"], starts))
    return "\n\n".join(sections)


def _row(figures: Figures) -> list[str]:
    latency = figures.latency_ms
    return [
        figures.work,
        figures.scenario,
        f"{figures.images_per_second.median:.1f}",
        f"{latency.p50:.2f}",
        f"{latency.p90:.2f}",
        f"{latency.p99:.2f}",
        str(figures.share_of_bare),
        str(figures.behind_bare_ms or ""),
        str(figures.times_classify),
        f"{figures.stolen:.0%}",
        errors(figures.errors),
    ]


def _memory_row(state: str, memory: Memory, base: Memory) -> list[str]:
    return [
        state,
        f"{memory.resident_bytes / MEGABYTE:.0f}",
        f"{memory.megabytes:.0f}",
        f"{memory.proportional_bytes / base.proportional_bytes:.2f}",
    ]
