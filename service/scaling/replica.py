"""One replica: cores that take images in the order in which they came, and a bounded queue."""

from __future__ import annotations

from heapq import heappop, heappush, heapreplace


class Replica:
    """Answers images on `cores`, refusing those that come while `max_queue` are under way.

    Invariant: times go forward; an image that was taken is answered.
    """

    def __init__(self, cores: int, max_queue: int, ready_at: float = 0.0) -> None:
        self.cores = cores
        self.max_queue = max_queue
        self.ready_at = ready_at
        self.taken_seconds = 0.0
        self._free_at = [ready_at] * cores
        self._ends: list[float] = []

    def offer(self, at: float, seconds: float) -> float | None:
        """Give when an image that takes a core so long is answered, or None: it is refused."""
        ends = self._ends
        while ends and ends[0] <= at:
            heappop(ends)
        if len(ends) >= self.max_queue:
            return None
        end = max(at, self._free_at[0]) + seconds
        heapreplace(self._free_at, end)
        heappush(ends, end)
        self.taken_seconds += seconds
        return end

    def seconds_left(self, at: float) -> float:
        """Give the seconds of a core that what was taken still needs."""
        return sum(max(0.0, free_at - at) for free_at in self._free_at)

    def waiting(self, at: float) -> int:
        """Give how many images were taken and have not begun."""
        return max(0, sum(end > at for end in self._ends) - self.cores)
