"""What is measured in one go: a work, and who asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from service.benchmarking.bare_loop import BareLoops, bare_loops
from service.benchmarking.connection import Address
from service.benchmarking.load_process import LoadProcess
from service.benchmarking.request import post
from service.benchmarking.rounds import Measure
from service.benchmarking.sample import Sample
from service.benchmarking.workload import Work
from service.budget import cpu_budget

Bare = Literal["each", "all"]


@dataclass(frozen=True)
class Scenario:
    """A work on a picture, asked of a server by `callers`, or done without one.

    `each` is a loop on each CPU with one thread: the throughput there is. `all` is one loop with
    all CPUs in each inference: the shortest latency there is.
    """

    work: str
    by: int | Bare
    picture: str = ""

    @property
    def callers(self) -> int:
        """How many ask a server; 0 without one."""
        return self.by if isinstance(self.by, int) else 0

    @property
    def who(self) -> str:
        """Say who asks."""
        if self.by == "each":
            return "bare, a loop a CPU"
        if self.by == "all":
            return "bare, all CPUs"
        return f"served, {self.by} caller{'s' if self.callers > 1 else ''}"

    def __str__(self) -> str:
        return ", ".join(filter(None, [self.work, self.picture, self.who]))


@dataclass(frozen=True)
class Bench:
    """The loops without a server, both kinds, and the process that asks servers."""

    each: BareLoops
    all: BareLoops
    callers: LoadProcess

    def bare(self, work: Work, image: bytes, picture: str = "") -> dict[Scenario, Measure]:
        """Give both loops without a server."""

        def measure(loops: BareLoops, seconds: float) -> Sample:
            return loops.measure(work, image, seconds)

        return {
            Scenario(work.name, "each", picture): partial(measure, self.each),
            Scenario(work.name, "all", picture): partial(measure, self.all),
        }

    def served(
        self, address: Address, work: Work, image: bytes, callers: Sequence[int], picture: str = ""
    ) -> dict[Scenario, Measure]:
        """Give the loads on a server."""
        request = post(address, work.path, image)
        load: Callable[[int, float], Sample] = partial(self.callers.keep_busy, address, request)
        return {Scenario(work.name, count, picture): partial(load, count) for count in callers}


@contextmanager
def bench(folder: Path, callers: LoadProcess) -> Iterator[Bench]:
    """Open a bundle in processes without a server, until the block ends."""
    cpus = cpu_budget().cpus
    with (
        bare_loops(folder, processes=cpus, threads=1) as each,
        bare_loops(folder, processes=1, threads=cpus) as whole,
    ):
        yield Bench(each, whole, callers)
