"""Threads that do one piece of work after another, with as little as possible around each.

`ThreadPoolExecutor` makes a future for each, takes several locks and sees to its own size. Behind a
run, which leaves nothing of Python in the caches, that is felt: without it 8 callers get 1 to 2
percent more images (docs/benchmarks.md).
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

logger = logging.getLogger("vitrine")
Work = Callable[[], object]
Works = SimpleQueue[Work | None]  # None ends the thread that takes it
_alive: dict[threading.Thread, Works] = {}


class ComputingThreads:
    """A number of threads, started with the first work.

    Invariant: what was put is done, in its order, also what waits when they are closed or the
    process ends.
    """

    def __init__(self, number: int, name: str, begin: Work = lambda: None) -> None:
        """Each of so many threads, `name`_0 and so on, begins with `begin`."""
        self._number = number
        self._name = name
        self._begin = begin
        self._works: Works = SimpleQueue()
        self._is_started = self._is_closed = False

    def put(self, work: Work) -> None:
        """Have work done, which must not fail. Raises RuntimeError when closed."""
        if self._is_closed:
            raise RuntimeError("the threads are closed")
        if not self._is_started:
            self._start()
        self._works.put(work)

    def close(self) -> None:
        """Let the threads end when all is done that was put."""
        if self._is_started and not self._is_closed:
            for _ in range(self._number):
                self._works.put(None)
        self._is_closed = True

    def _start(self) -> None:
        self._is_started = True
        for number in range(self._number):
            # ended by `_end_all`: Python would wait for others, and not tell them
            thread = threading.Thread(
                target=_work_on,
                args=(self._works, self._begin),
                name=f"{self._name}_{number}",
                daemon=True,
            )
            _alive[thread] = self._works
            thread.start()


def _work_on(works: Works, begin: Work) -> None:
    try:
        begin()
        while (work := works.get()) is not None:
            try:
                work()
            except Exception:  # the thread goes on: others wait for it
                logger.exception("work on a computing thread failed")
            del work  # it would keep what it knows until the next one comes
    finally:
        _alive.pop(threading.current_thread(), None)


@atexit.register
def _end_all() -> None:
    """Let the threads finish: one that is stopped inside a library may take the process with it."""
    threads = dict(_alive)
    for works in threads.values():
        works.put(None)
    for thread in threads:
        thread.join()
