"""Measures Vitrine and the rivals: each alone first, then all in turns, beside bare loops."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from service.benchmarking.bare_loop import BareLoops, bare_loops, open_engine
from service.benchmarking.load_process import LoadProcess
from service.benchmarking.memory import Memory, memory
from service.benchmarking.pictures import Picture
from service.benchmarking.request import request_bytes
from service.benchmarking.rounds import Measure, Progress, in_turns
from service.benchmarking.sample import Sample
from service.benchmarking.workload import CLASSIFY
from service.budget import cpu_budget
from service.bundle import read_bundle
from service.decoding import ImageLimits
from service.errors import InferenceFailed, ModelNotReady
from service.preprocess import preprocess
from tests.rivals.answer import TIMES, Best, check, post
from tests.rivals.contender import OK, Contender
from tests.rivals.process import Running, idle_share, pause, resume

BARE = "a loop a CPU"
SPINS = 0.05  # of a CPU: who takes more while nobody asks is paused between its turns
WARM_UP_SECONDS = 1.0


@dataclass(frozen=True)
class Cell:
    """Who answers, and to how many callers; loops without a server stand beside each number."""

    name: str
    callers: int

    def __str__(self) -> str:
        return f"{self.name}, {self.callers} caller{'s' if self.callers > 1 else ''}"


@dataclass(frozen=True)
class Alone:
    """What a server is when no other runs: how soon it answers, and what it holds and takes.

    The memory is that after the loads, the idle share a share of one CPU.
    """

    ready_seconds: float
    memory: Memory | None
    idle_share: float

    @property
    def is_paused(self) -> bool:
        """Whether it must not run while others are measured."""
        return self.idle_share > SPINS


@dataclass(frozen=True)
class Measurement:
    """What was found for one picture and bundle. `left_out` says why a contender was."""

    alone: dict[str, Alone]
    samples: dict[Cell, list[Sample]]
    left_out: dict[str, str]


@dataclass(frozen=True)
class Bench:
    """What all contenders for one picture are measured with."""

    bundle: Path
    picture: Picture
    environments: Path
    load: LoadProcess
    callers: Sequence[int]
    rounds: int
    seconds: float
    progress: Progress

    def measure(self, contenders: Sequence[Contender]) -> Measurement:
        """Measure all. Raises InferenceFailed where one does other work, or answers nothing."""
        expected = expected_best(self.bundle, self.picture.data)
        alone: dict[str, Alone] = {}
        left_out: dict[str, str] = {}
        for contender in contenders:
            self.progress(f"{contender.name}, alone")
            try:
                alone[contender.name] = self._alone(contender, expected)
            except ModelNotReady as error:
                left_out[contender.name] = str(error)
                self.progress(f"{contender.name} is left out: {error}")
        together = [contender for contender in contenders if contender.name in alone]
        return Measurement(alone, self._together(together, alone), left_out)

    def _alone(self, contender: Contender, expected: Best) -> Alone:
        started = time.perf_counter()
        with contender.serve(self.bundle, self.picture.data, self.environments) as running:
            self._ask(contender, running)
            ready_seconds = time.perf_counter() - started
            for _ in range(TIMES):
                check(contender.name, self._ask(contender, running), expected)
            for count in self.callers:
                self._load(contender, running, count, self.seconds)
            return Alone(ready_seconds, memory(running.pid), idle_share(running.pid))

    def _together(
        self, contenders: Sequence[Contender], alone: dict[str, Alone]
    ) -> dict[Cell, list[Sample]]:
        with ExitStack() as open_:
            loops = open_.enter_context(
                bare_loops(self.bundle, processes=cpu_budget().cpus, threads=1)
            )
            running: dict[str, Running] = {}
            for contender in contenders:
                self.progress(f"starts {contender.name}")
                served = contender.serve(self.bundle, self.picture.data, self.environments)
                running[contender.name] = open_.enter_context(served)
                if alone[contender.name].is_paused:
                    pause(running[contender.name].pid)
            measures: dict[Cell, Measure] = {}
            for count in self.callers:
                measures[Cell(BARE, count)] = partial(self._bare, loops)
                for contender in contenders:
                    load = partial(self._load, contender, running[contender.name], count)
                    is_paused = alone[contender.name].is_paused
                    turn = partial(_between_pauses, running[contender.name].pid, load)
                    measures[Cell(contender.name, count)] = turn if is_paused else load
            return in_turns(measures, self.rounds, self.seconds, self.progress, WARM_UP_SECONDS)

    def _bare(self, loops: BareLoops, seconds: float) -> Sample:
        return loops.measure(CLASSIFY, self.picture.data, seconds)

    def _load(self, contender: Contender, running: Running, count: int, seconds: float) -> Sample:
        host = f"{running.address[0]}:{running.address[1]}"
        request = request_bytes(host, contender.path, contender.body(self.picture.data))
        return self.load.keep_busy(running.address, request, count, seconds)

    def _ask(self, contender: Contender, running: Running) -> Best:
        body = contender.body(self.picture.data)
        status, content = post(running.address, contender.path, body)
        if status != OK:
            raise InferenceFailed(f"{contender.name} answers {status}: {content[:500]!r}")
        return contender.read(json.loads(content))


def _between_pauses(pid: int, load: Measure, seconds: float) -> Sample:
    resume(pid)
    try:
        return load(seconds)
    finally:
        pause(pid)


def expected_best(bundle: Path, picture: bytes) -> Best:
    """Give the best class by the bundle's own engine, without any server."""
    engine = open_engine(read_bundle(bundle), threads=1)
    contract = engine.bundle.contract
    values = preprocess(picture, contract.preprocessing, ImageLimits())[1]
    logits = np.asarray(engine.classify(values[None]).logits[0], np.float64)  # [classes]
    probabilities = np.exp(logits - logits.max())
    probabilities /= probabilities.sum()
    index = int(probabilities.argmax())
    return Best(contract.labels[index], float(probabilities[index]))
