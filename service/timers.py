"""Things to do later."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable


class Timers:
    """Actions with the time at which each is due."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()  # actions that are due together cannot be compared

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        """Do something once so many seconds have passed."""
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), action))

    def seconds_left(self) -> float | None:
        """Give the time until the next action; none where there is nothing to do."""
        return max(0.0, self._due[0][0] - time.monotonic()) if self._due else None

    def run(self) -> None:
        """Do what is due."""
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()
