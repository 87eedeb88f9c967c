"""Tells whether other programs leave the CPUs to this process.

Threads that stay awake between the parts of a run make it some percent faster, and the next one as
well: a CPU that sleeps wakes up late, and a virtual one has lost what its caches held. Beside a
busy program they make it slower by half, since they use up the time in which they would be needed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Self
from weakref import WeakSet

from service.own_cpus import own_cpus

COUNTED = Path("/proc/stat")
IDLE_FIELDS = (1, 3, 4)  # of a CPU's counters: low priority, idle, idle while a disk works
MOST_TAKEN = 0.2  # of a CPU: beside a program that takes as much, staying awake gains nothing
LOOK_SECONDS = 0.5
BUSY_LOOKS = 3  # in a row: a start, and the pause before somebody asks, count less than what is now
LOOK_SHARE = 0.001  # of the time, at most: the counters of a hundred CPUs take a millisecond


class OtherPrograms:
    """What other programs take of some CPUs, looked up now and then, when somebody asks.

    What runs at low priority does not count: it gives way. Nor does what fewer than BUSY_LOOKS see:
    the first one after a pause tells of the pause. Several `users` take the CPUs from each other,
    so that to them they are not left. Where Linux's counters cannot be read, or stand still, the
    CPUs count as taken.
    """

    def __init__(
        self,
        cpus: Collection[int],
        counted: Path = COUNTED,
        own_seconds: Callable[[], float] = time.process_time,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`own_seconds` gives the CPU time that this process has had."""
        self.users: WeakSet[object] = WeakSet()  # engines of this process that ask
        self.cpus = cpus
        self._counted = counted
        self._own_seconds = own_seconds
        self._clock = clock
        self._seen = self._look()
        self._busy_looks = 0 if self._seen else BUSY_LOOKS

    @classmethod
    def beside(cls, threads: int, processes: int = 1) -> Self | None:
        """Look at the CPUs of a process that has them as its own (`own_cpus`), else at none."""
        cpus = own_cpus(threads, processes)
        return cls(cpus) if cpus else None

    @property
    def leave_cpus(self) -> bool:
        """Whether one of the last BUSY_LOOKS looks saw that they take no more than MOST_TAKEN."""
        if self._clock() >= self._next_look:
            before, self._seen = self._seen, self._look()
            is_busy = len(self.users) > 1 or self._taken(before) > MOST_TAKEN
            self._busy_looks = self._busy_looks + 1 if is_busy else 0
        return self._busy_looks < BUSY_LOOKS

    def _taken(self, before: tuple[float, ...] | None) -> float:
        if before is None or self._seen is None:
            return float(len(self.cpus))
        elapsed, idle, own = (now - then for now, then in zip(self._seen, before, strict=True))
        return len(self.cpus) - (idle + own) / elapsed

    def _look(self) -> tuple[float, float, float] | None:
        """Give the time, and the seconds that were idle and that were ours, all so far."""
        started = self._clock()
        try:
            seen = started, self._idle_seconds(), self._own_seconds()
        except (OSError, ValueError, IndexError):
            seen = None
        self._next_look = started + max(LOOK_SECONDS, (self._clock() - started) / LOOK_SHARE)
        return seen

    def _idle_seconds(self) -> float:
        ticks = 0
        for line in self._counted.read_text().splitlines():
            name, *counters = line.split()
            if name.removeprefix("cpu") in map(str, self.cpus):
                ticks += sum(int(counters[field]) for field in IDLE_FIELDS)
        return ticks / os.sysconf("SC_CLK_TCK")
