"""Says which CPU a thread runs on, where a process has as many CPUs as threads that compute.

Left to itself, Linux lets two runs share a CPU for milliseconds while another CPU is idle: a thread
that wakes goes where it ran last unless a CPU is idle at that very moment, and a CPU that has run
out of work may not look for what waits elsewhere before the next tick of the kernel's clock. So
each thread that computes stays on a CPU of its own, and when it has done, the event loop goes on
there.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable
from itertools import cycle

logger = logging.getLogger("vitrine")
LEAST = 2  # on one CPU there is nothing to choose


def own_cpus(threads: int, processes: int = 1) -> frozenset[int]:
    """Give the CPUs that a process may use where they are as many as its threads, else none.

    Fewer threads, by a quota or a setting, are better off where the system finds room for them, and
    several processes would want the same CPUs.
    """
    if sys.platform != "linux" or threads < LEAST or processes > 1:
        return frozenset()
    cpus = frozenset(os.sched_getaffinity(0))
    return cpus if len(cpus) == threads else frozenset()


class OwnCpus:
    """CPUs for as many threads. Without any, every thread runs where the system wants it to.

    A thread is kept on one CPU only while it computes by itself, and one that is brought there is
    let go at once. Where the system refuses, it decides alone from then on.
    """

    def __init__(self, cpus: Iterable[int] = ()) -> None:
        self._all = frozenset(cpus)
        self._next = cycle(sorted(self._all))
        self._mine = threading.local()
        self._is_refused = not self._all

    def stay(self) -> None:
        """Keep the calling thread on its own CPU until it roams."""
        if self._is_refused or self._stays:
            return
        if not hasattr(self._mine, "cpu"):
            self._mine.cpu = next(self._next)
        self._mine.stays = self._allow(0, {self._mine.cpu})

    def roam(self) -> None:
        """Let the calling thread run on every CPU."""
        if self._stays:
            self._mine.stays = not self._allow(0, self._all)

    def let_go(self) -> None:
        """Let the calling thread, which may be a new one, run on every CPU.

        A thread begins with the CPUs of the one that starts it, and that may be brought just then.
        """
        if not self._is_refused:
            self._allow(0, self._all)

    def bring(self, thread: int, wake: Callable[[], object]) -> None:
        """Wake a thread, by its native id, on the CPU of the calling one where that stays.

        It may go on to another CPU at any later time.
        """
        is_brought = self._stays and self._allow(thread, {self._mine.cpu})
        wake()
        if is_brought:
            self._allow(thread, self._all)

    @property
    def _stays(self) -> bool:
        return getattr(self._mine, "stays", False)

    def _allow(self, thread: int, cpus: Iterable[int]) -> bool:
        try:
            os.sched_setaffinity(thread, cpus)
        except OSError as error:  # forbidden, or a CPU was taken from the process
            if not self._is_refused:
                self._is_refused = True
                logger.warning("threads stay where the system puts them: %s", error)
            return False
        return True
