"""The CPUs that one process computes with, and whose turn it is to use them.

A place is the right to keep one of them busy. There may be a few more places than CPUs, so that the
CPUs have work while answers are written and requests are read. Long work leaves those free.

Decoding and inference share them, so that neither starves the other and no thread waits for a CPU
that another holds. Who has waited longest is served first: what was begun is finished before more
is begun, and what lies decoded in memory stays little.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TypeVar

Result = TypeVar("Result")


class Cores:
    """A number of CPUs, and of places to compute at, each with a thread.

    Invariant: never more places are held than there are, and nobody gets one before somebody older
    who waits. It belongs to one event loop.
    """

    def __init__(self, number: int, spare: int = 0, name: str = "core") -> None:
        self.number = number
        self.places = number + spare
        self._free = self.places
        self._order = count()
        self._waiting: list[tuple[float, int, int, int, asyncio.Future[None]]] = []
        self._threads = ThreadPoolExecutor(self.places, thread_name_prefix=name)

    @property
    def free(self) -> int:
        """Places that nobody holds."""
        return self._free

    @property
    def are_wanted(self) -> bool:
        """Whether somebody waits for places."""
        return any(not waiting.done() for *_, waiting in self._waiting)

    async def take(self, number: int, since: float, leaving: int = 0) -> None:
        """Wait for `number` places, and until they leave so many others free.

        `since` is when the work came (`time.perf_counter`).
        """
        if self._free >= number + leaving and not self.are_wanted:
            self._free -= number
            return
        granted = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (since, next(self._order), number, leaving, granted))
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():  # it came as we were told to stop
                self.release(number)
            else:
                self._grant()  # somebody younger may have waited behind us
            raise

    def take_rest(self) -> int:
        """Take all that are free, beside those that are held already; says how many."""
        taken, self._free = self._free, 0
        return taken

    def release(self, number: int) -> None:
        """Give places back."""
        self._free += number
        self._grant()

    def submit(self, work: Callable[[], None]) -> None:
        """Do work on a thread, for who holds a place. Raises RuntimeError when closed."""
        self._threads.submit(work)

    async def run(self, work: Callable[[], Result], since: float) -> Result:
        """Wait for a place, and do work at it."""
        await self.take(1, since)
        running = asyncio.get_running_loop().run_in_executor(self._threads, work)
        running.add_done_callback(lambda _: self.release(1))
        return await asyncio.shield(running)  # a thread cannot be stopped: its place stays held

    def close(self) -> None:
        """Let the threads end when their work is done."""
        self._threads.shutdown(wait=False)

    def _grant(self) -> None:
        while self._waiting:
            _, _, number, leaving, granted = self._waiting[0]
            if granted.done():
                heapq.heappop(self._waiting)
                continue
            if number + leaving > self._free:
                return
            heapq.heappop(self._waiting)
            self._free -= number
            granted.set_result(None)
