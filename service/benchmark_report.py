"""What a benchmark found: its values, and the tables that are printed and pasted into the docs."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnxruntime

from service import __version__
from service.budget import cpu_budget
from service.server_process import Memory

MEGABYTE = 1e6
CLASSIFY = "classify"


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


@dataclass(frozen=True)
class Figures:
    """What one scenario gave over all rounds.

    `share_of_bare` is its throughput over that of the bare loop of the same work. `times_classify`
    is its time for an image over that of classify with as many callers; 1 for classify itself.
    """

    work: str
    scenario: str
    callers: int
    images: int
    errors: dict[str, int]
    images_per_second: Spread
    p50_ms: float
    p99_ms: float
    share_of_bare: Spread
    times_classify: Spread


@dataclass(frozen=True)
class Machine:
    """Where and with what it was measured."""

    date: str
    processor: str
    cpus: int
    threads: int
    load_before: float
    versions: dict[str, str]


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


def this_machine(threads: int) -> Machine:
    """Describe this machine."""
    return Machine(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        processor=processor(),
        cpus=cpu_budget().cpus,
        threads=threads,
        load_before=os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,  # not on Windows
        versions={
            "vitrine": __version__,
            "python": platform.python_version(),
            "onnxruntime": onnxruntime.__version__,
        },
    )


def processor(cpu_info: Path = Path("/proc/cpuinfo")) -> str:
    """Name the CPU model, as far as the system says."""
    try:
        lines = cpu_info.read_text().splitlines()
    except OSError:  # not Linux
        lines = []
    names = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def tables(report: Report) -> str:
    """Write a report as Markdown that is also good to read in a terminal."""
    machine = report.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    sections = [
        f"{machine.date}: {machine.processor}, {machine.cpus} CPUs, {machine.threads} engine "
        f"threads, load {machine.load_before:.1f} before; {versions}",
        f"Bundle {report.bundle}; picture: {report.picture}; {report.rounds} rounds of "
        f"{report.seconds:g} s a line, in turns; ratios: median (lowest to highest round)",
    ]
    head = ["work", "", "images/s", "p50 ms", "p99 ms", "of bare", "time / classify", "errors"]
    of_classify = [figures for figures in report.figures if figures.work == CLASSIFY]
    others = [figures for figures in report.figures if figures.work != CLASSIFY]
    sections.append(_table([head, *map(_row, of_classify)]))
    if others:
        in_order = sorted(others, key=lambda one: [other.work for other in others].index(one.work))
        sections.append(_table([head, *map(_row, in_order)]))
    drawn = [[overlay, _ratio(found)] for overlay, found in report.rendering.items()]
    sections.append(_table([["PNG of 1024 x 1024 pixels", "milliseconds"], *drawn]))
    if report.memory:
        head = ["memory of the service", "resident MB", "proportional MB", "of classify loaded"]
        base = report.memory["classify loaded"]
        rows = [_memory_row(state, held, base) for state, held in report.memory.items()]
        sections.append(_table([head, *rows]))
    starts = [
        ["first, nothing compiled", f"{report.first_start_seconds:.2f}"],
        ["second", f"{report.second_start_seconds:.2f}"],
    ]
    sections.append(_table([["start of the service", "seconds to ready"], *starts]))
    return "\n\n".join(sections)


def _row(figures: Figures) -> list[str]:
    return [
        figures.work,
        figures.scenario,
        f"{figures.images_per_second.median:.1f}",
        f"{figures.p50_ms:.2f}",
        f"{figures.p99_ms:.2f}",
        _ratio(figures.share_of_bare),
        _ratio(figures.times_classify),
        ", ".join(f"{count} x {error}" for error, count in figures.errors.items()) or "0",
    ]


def _ratio(spread: Spread) -> str:
    return f"{spread.median:.2f} ({spread.min:.2f} to {spread.max:.2f})"


def _memory_row(state: str, memory: Memory, base: Memory) -> list[str]:
    return [
        state,
        f"{memory.resident_bytes / MEGABYTE:.0f}",
        f"{memory.proportional_bytes / MEGABYTE:.0f}",
        f"{memory.proportional_bytes / base.proportional_bytes:.2f}",
    ]


def _table(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])
