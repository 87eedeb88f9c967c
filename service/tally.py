"""What requests add to metrics, kept for a while and told to them together.

Between two runs of the engine the caches have nothing of Python left, and one observation takes
several times what it takes behind another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

MANY = 256  # told in half a millisecond
Tell = Callable[[float], None]


class Tally(Collector):
    """Keeps amounts until it is told to pass them on, or until a registry is collected.

    It is registered before the metrics that it tells, and has none of its own. Every thread may
    add; one tells, and collects.
    """

    def __init__(self) -> None:
        self._kept: deque[tuple[Tell, float]] = deque()

    def add(self, tell: Tell, amount: float = 1.0) -> None:
        """Keep an amount for a metric's `inc` or `observe`."""
        self._kept.append((tell, amount))

    def tell_if_many(self) -> None:
        """Tell what is kept where that is more than a few."""
        if len(self._kept) >= MANY:
            self.tell()

    def tell(self) -> None:
        """Tell what is kept, in its order."""
        while self._kept:
            tell, amount = self._kept.popleft()
            tell(amount)

    def collect(self) -> Iterable[Metric]:
        """Tell what is kept, so that the metrics behind are complete."""
        self.tell()
        return ()
