"""What was found, as values and as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.benchmarking.machine import Machine
from service.benchmarking.memory import MEGABYTE
from service.benchmarking.report import share
from service.benchmarking.sample import Percentiles, Sample, Spread, all_of, errors_of
from service.benchmarking.table import errors, table
from tests.rivals.contender import VITRINE, Contender
from tests.rivals.measurement import BARE, Alone, Cell, Measurement

AHEAD, BEHIND, NOT_SHOWN = "yes", "NO", "not shown"


@dataclass(frozen=True)
class Figures:
    """A cell over all rounds. `vitrine_over` is Vitrine's throughput over this one's, by round."""

    name: str
    callers: int
    images_per_second: Spread
    share_of_bare: Spread
    vitrine_over: Spread
    latency_ms: Percentiles | None
    errors: dict[str, int]
    stolen: float
    repeats: int


@dataclass(frozen=True)
class Verdict:
    """Whether Vitrine is ahead of the best rival with so many callers.

    It is where it had more throughput in every round, and it is not where it had less in every
    round; what lies between is not shown by this run.
    """

    callers: int
    best: str
    vitrine_over_best: Spread

    @property
    def is_ahead(self) -> str:
        """The verdict in a word."""
        if self.vitrine_over_best.min > 1:
            return AHEAD
        return BEHIND if self.vitrine_over_best.max < 1 else NOT_SHOWN


@dataclass(frozen=True)
class PictureReport:
    """All that was found for one picture and bundle."""

    picture: str
    bundle: str
    figures: list[Figures]
    verdicts: list[Verdict]
    alone: dict[str, Alone]
    left_out: dict[str, str]


@dataclass(frozen=True)
class Report:
    """The whole result. `versions` and `left_out` are by the names of servers."""

    machine: Machine
    rounds: int
    seconds: float
    versions: dict[str, str]
    left_out: dict[str, str]
    pictures: list[PictureReport]

    def __str__(self) -> str:
        sections = [
            str(self.machine),
            f"{self.rounds} rounds of {self.seconds:g} s a line, in turns; "
            "median (lowest to highest round)",
            table(["server", "version"], [[*line] for line in self.versions.items()]),
            *(f"{name} is left out: {reason}" for name, reason in self.left_out.items()),
        ]
        return "\n\n".join([*sections, *map(picture_text, self.pictures)])


def versions_of(contenders: Sequence[Contender]) -> dict[str, str]:
    """Give the versions by name."""
    return {contender.name: contender.version for contender in contenders}


def picture_report(picture: str, bundle: str, found: Measurement) -> PictureReport:
    """Summarize what was found for one picture."""
    samples = found.samples
    return PictureReport(
        picture=picture,
        bundle=bundle,
        figures=[_figures(cell, samples) for cell in samples],
        verdicts=verdicts(samples),
        alone=found.alone,
        left_out=found.left_out,
    )


def _figures(cell: Cell, samples: dict[Cell, list[Sample]]) -> Figures:
    own = samples[cell]
    return Figures(
        name=cell.name,
        callers=cell.callers,
        images_per_second=Spread.of([sample.per_second for sample in own]),
        share_of_bare=share(own, samples[Cell(BARE, cell.callers)]),
        vitrine_over=share(samples[Cell(VITRINE.name, cell.callers)], own),
        latency_ms=Percentiles.of(all_of(sample.latencies_seconds for sample in own)),
        errors=errors_of(own),
        stolen=max(sample.stolen for sample in own),
        repeats=sum(sample.repeats for sample in own),
    )


def verdicts(samples: dict[Cell, list[Sample]]) -> list[Verdict]:
    """Compare Vitrine with the rival that has the highest median, for each number of callers."""
    found = []
    for callers in dict.fromkeys(cell.callers for cell in samples):
        rivals = {
            cell.name: Spread.of([sample.per_second for sample in own]).median
            for cell, own in samples.items()
            if cell.callers == callers and cell.name not in (BARE, VITRINE.name)
        }
        if rivals:
            best = max(rivals, key=lambda name: rivals[name])
            own = samples[Cell(VITRINE.name, callers)]
            found.append(Verdict(callers, best, share(own, samples[Cell(best, callers)])))
    return found


def picture_text(report: PictureReport) -> str:
    """Write what was found for one picture."""
    head = ["callers", "server", "images/s", "of bare", "Vitrine / it", "p50 ms", "p99 ms"]
    sections = [
        f"{report.picture}; bundle {report.bundle}",
        table([*head, "stolen", "errors"], [_row(one) for one in report.figures]),
        table(
            ["callers", "best rival", "Vitrine / best rival", "ahead"],
            [
                [str(one.callers), one.best, str(one.vitrine_over_best), one.is_ahead]
                for one in report.verdicts
            ],
        ),
        table(
            [
                "alone",
                "seconds to the first answer",
                "memory MB",
                "resident MB",
                "idle CPU",
                "between turns",
            ],
            [_alone_row(name, one) for name, one in report.alone.items()],
        ),
        *(f"{name} is left out: {reason}" for name, reason in report.left_out.items()),
    ]
    return "\n\n".join(sections)


def _row(figures: Figures) -> list[str]:
    latency = figures.latency_ms
    return [
        str(figures.callers) if figures.name != BARE else "",
        figures.name,
        f"{figures.images_per_second.median:.1f}",
        str(figures.share_of_bare),
        str(figures.vitrine_over),
        f"{latency.p50:.2f}" if latency else "-",
        f"{latency.p99:.2f}" if latency else "-",
        f"{figures.stolen:.0%}",
        errors(figures.errors),
    ]


def _alone_row(name: str, alone: Alone) -> list[str]:
    return [
        name,
        f"{alone.ready_seconds:.1f}",
        f"{alone.memory.megabytes:.0f}" if alone.memory else "-",
        f"{alone.memory.resident_bytes / MEGABYTE:.0f}" if alone.memory else "-",
        f"{alone.idle_share:.1%}",
        "paused" if alone.is_paused else "runs on",
    ]
