"""Measures accuracy against images a second for several bundles in turns, in each number format.

One run holds all that is compared. Every round measures every line once, every other round in
reverse. Others on a busy machine take the CPUs, but not the CPU time that is counted here: the
front is drawn by that.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from model.evaluate import measure
from model.labelled import Progress, classify_pictures, labelled_pictures
from model.provenance import processor
from service.budget import cpu_budget
from service.bundle import Bundle, read_bundle
from service.engine import Engine, Floats
from service.record import PrecisionName

BATCHES = (1, 8)  # a lone image on all CPUs; as many batches of 8 as CPUs, on a thread each
ON_CPU: tuple[PrecisionName, ...] = ("fp32", "int8")
MILLISECONDS = 1000


@dataclass(frozen=True)
class Spread:
    """The median over rounds, the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarize what the rounds gave."""
        return cls(median(values), min(values), max(values))

    def __str__(self) -> str:
        digits = 0 if self.median >= 100 else 2
        return f"{self.median:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


@dataclass(frozen=True)
class Speed:
    """How fast a model is in batches of a size; `times_` compare with the first line's round."""

    images_per_second: Spread
    cpu_milliseconds: Spread  # of all threads, for an image
    times_images: Spread
    times_cpu: Spread  # the first line's CPU time over this one's


@dataclass(frozen=True)
class Point:
    """What was measured of a model in a number format; without data there is no accuracy."""

    model: str
    version: str
    precision: PrecisionName
    top1: float | None
    speeds: dict[int, Speed]  # by batch size

    @property
    def name(self) -> str:
        """Name the model and its number format."""
        return f"{self.model} {self.version} {self.precision}"

    def throughput(self, cpus: int) -> Spread:
        """Give the images a second in batches that so many CPUs compute with nothing beside."""
        cost = self.speeds[BATCHES[-1]].cpu_milliseconds
        return Spread(*(cpus * MILLISECONDS / one for one in (cost.median, cost.high, cost.low)))


@dataclass(frozen=True)
class Front:
    """All points of one run, measured on `images` pictures of a part."""

    processor: str
    cpus: int
    rounds: int
    part: str
    images: int
    points: tuple[Point, ...]

    def is_best(self, point: Point) -> bool:
        """Whether no other point is at least as accurate and as fast, and better in one of both."""
        own, *others = (
            (one.top1 or 0.0, one.throughput(self.cpus).median) for one in (point, *self.points)
        )
        return not any(a >= own[0] and b >= own[1] and (a, b) != own for a, b in others)

    def report(self) -> str:
        """Write the points as a table in Markdown."""
        head = ["model", "precision", "top-1"]
        for size in BATCHES:
            batch = f"batch {size}"
            head += [f"{batch}: images/s", "CPU ms an image", "times", "times in CPU time"]
        rows = [head, ["---"] * len(head), *(_row(point) for point in self.points)]
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Sample:
    """How long so many images took, and how much CPU time."""

    images: int
    seconds: float
    cpu_seconds: float


def _row(point: Point) -> list[str]:
    accuracy = "" if point.top1 is None else f"{point.top1:.2%}"
    cells = [f"{point.model} {point.version}", point.precision, accuracy]
    for speed in point.speeds.values():
        cells += map(
            str,
            (speed.images_per_second, speed.cpu_milliseconds, speed.times_images, speed.times_cpu),
        )
    return cells


def measure_front(
    folders: Sequence[Path],
    sources: Sequence[str] = (),
    *,
    part: str = "test",
    rounds: int = 15,
    seconds: float = 0.4,
    progress: Progress = lambda done, total: None,
) -> Front:
    """Measure the bundles, in each number format that they have for a CPU.

    A sample takes `seconds`; there are `rounds` for every line and batch size. Accuracy is that on
    a part of `sources`, none without. Raises what `evaluate` raises.
    """
    bundles = [read_bundle(folder) for folder in folders]
    engines = [engine for bundle in bundles for engine in _engines(bundle)]
    accuracies: list[float] = []
    images = 0
    if sources:
        for bundle in bundles:
            found, images = _accuracies(bundle, engines, sources, part, progress)
            accuracies += found
    samples = _samples(engines, rounds, seconds)
    return Front(
        processor=processor(),
        cpus=cpu_budget().cpus,
        rounds=rounds,
        part=part if sources else "",
        images=images,
        points=tuple(
            Point(
                model=engine.bundle.contract.name,
                version=engine.bundle.contract.version,
                precision=engine.precision,
                top1=accuracies[index] if accuracies else None,
                speeds={
                    size: _speed([one[index] for one in found], [one[0] for one in found])
                    for size, found in samples.items()
                },
            )
            for index, engine in enumerate(engines)
        ),
    )


def _engines(bundle: Bundle) -> list[Engine]:
    threads = cpu_budget().cpus
    return [
        Engine(bundle, provider="cpu", threads=threads, precision=name)
        for name in ON_CPU
        if name in bundle.contract.precisions
    ]


def _accuracies(
    bundle: Bundle,
    engines: Sequence[Engine],
    sources: Sequence[str],
    part: str,
    progress: Progress,
) -> tuple[list[float], int]:
    own = [engine for engine in engines if engine.bundle is bundle]
    pictures = labelled_pictures(bundle, sources, part)
    classified = classify_pictures(own, pictures, part, progress)
    labels = bundle.contract.labels
    found = [measure(logits, classified.targets, labels).top1 for logits in classified.logits]
    return found, len(classified.targets)


def _samples(
    engines: Sequence[Engine], rounds: int, seconds: float
) -> dict[int, list[list[Sample]]]:
    """Give, for each batch size, the rounds with a sample of every engine."""
    samples: dict[int, list[list[Sample]]] = {}
    with ThreadPoolExecutor(cpu_budget().cpus) as callers:
        for size in BATCHES:
            for engine in engines:
                _sample(engine, size, 0.0, callers)
            samples[size] = []
            for number in range(rounds):
                order = range(len(engines))[:: -1 if number % 2 else 1]
                found = {index: _sample(engines[index], size, seconds, callers) for index in order}
                samples[size].append([found[index] for index in range(len(engines))])
    return samples


def _sample(engine: Engine, size: int, seconds: float, callers: ThreadPoolExecutor) -> Sample:
    batch = np.random.default_rng(0).standard_normal((size, *engine.image_shape), np.float32)
    cpus = cpu_budget().cpus
    threads_of_callers = [cpus] if size == 1 else [1] * cpus
    started, cpu_started = time.perf_counter(), time.process_time()
    runs = [
        callers.submit(_run_for, engine, batch, threads, started + seconds)
        for threads in threads_of_callers
    ]
    count = size * sum(run.result() for run in runs)
    return Sample(count, time.perf_counter() - started, time.process_time() - cpu_started)


def _run_for(engine: Engine, batch: Floats, threads: int, until: float) -> int:
    """Classify a batch again and again, at least once; give how often."""
    runs = 0
    while not runs or time.perf_counter() < until:
        engine.classify(batch, threads=threads)
        runs += 1
    return runs


def _speed(samples: Sequence[Sample], first: Sequence[Sample]) -> Speed:
    rates = [one.images / one.seconds for one in samples]
    first_rates = [one.images / one.seconds for one in first]
    costs = [MILLISECONDS * one.cpu_seconds / one.images for one in samples]
    first_costs = [MILLISECONDS * one.cpu_seconds / one.images for one in first]
    return Speed(
        images_per_second=Spread.of(rates),
        cpu_milliseconds=Spread.of(costs),
        times_images=Spread.of([a / b for a, b in zip(rates, first_rates, strict=True)]),
        times_cpu=Spread.of([b / a for a, b in zip(costs, first_costs, strict=True)]),
    )
