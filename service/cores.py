"""The CPUs that one process computes with, and whose turn it is to use them.

A place is the right to keep one of them busy. Where each thread has a CPU of its own there are as
many; elsewhere there may be a few more, so that the CPUs have work while answers are written and
requests are read. Long work leaves those free.

Decoding and inference share them, so that neither starves the other and no thread waits for a CPU
that another holds. Who has waited longest is served first: what was begun is finished before more
is begun, and what lies decoded in memory stays little.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from typing import TypeVar

from service.computing_threads import ComputingThreads
from service.own_cpus import OwnCpus

logger = logging.getLogger("vitrine")
Result = TypeVar("Result")


class Cores:
    """A number of CPUs, and of places to compute at, each with a thread.

    Invariant: never more places are held than there are, and nobody gets one before somebody older
    who waits. It belongs to one event loop.
    """

    def __init__(
        self, number: int, spare: int = 0, name: str = "core", own: OwnCpus | None = None
    ) -> None:
        """Compute on so many CPUs, `own` ones where given, at so many places and some `spare`."""
        self.number = number
        self.places = number + spare
        self._free = self.places
        self._order = count()
        self._waiting: list[tuple[float, int, int, int, asyncio.Future[None]]] = []
        self._own = own or OwnCpus()
        self._threads = ComputingThreads(self.places, name, begin=self._own.let_go)

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

    def submit(
        self,
        work: Callable[[], Result],
        done: Callable[[Result], None],
        *,
        on_all: bool = False,
    ) -> None:
        """Do work on a thread, for who holds a place, then what is to be done on the event loop.

        The work, which must not fail, computes on one CPU, or `on_all`. Raises RuntimeError when
        closed.
        """
        loop, loop_thread = asyncio.get_running_loop(), threading.get_native_id()

        def hand_over() -> None:
            if on_all:
                self._own.roam()
            else:
                self._own.stay()
            wake = partial(loop.call_soon_threadsafe, done, work())
            try:
                self._own.bring(loop_thread, wake)
            except RuntimeError:  # the event loop has ended, and with it who waited
                logger.debug("work ended after its event loop")

        self._threads.put(hand_over)

    async def run(self, work: Callable[[], Result], since: float) -> Result:
        """Wait for a place, and do work at it."""
        await self.take(1, since)
        running: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

        def tried() -> Callable[[], None]:
            try:
                return partial(running.set_result, work())
            except BaseException as error:  # the thread goes on; the caller is told
                return partial(running.set_exception, error)

        def done(tell: Callable[[], None]) -> None:
            self.release(1)
            tell()

        self.submit(tried, done)
        return await asyncio.shield(running)  # a thread cannot be stopped: its place stays held

    def thread_pool(self, number: int, name: str) -> ThreadPoolExecutor:
        """Give so many threads, which begin on every CPU, whoever starts them."""
        return ThreadPoolExecutor(number, name, initializer=self._own.let_go)

    def close(self) -> None:
        """Let the threads end when their work is done."""
        self._threads.close()

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
