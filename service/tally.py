"""What requests add to metrics, kept for a while and told to them together.

Between two runs of the engine the caches have nothing of Python left, and one observation takes
several times what it takes behind another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

MANY = 64  # told in some 0.2 ms
Tell = Callable[..., object]


class Tally(Collector):
    """Keeps what metrics are to be told until it is many, or until a registry is collected.

    It is registered before the metrics that it tells, and has none of its own. Every thread may
    add; one tells, and collects.
    """

    def __init__(self) -> None:
        self._kept: deque[tuple[Tell, tuple[Any, ...]]] = deque()

    def add(self, tell: Tell, *told: Any) -> None:  # noqa: ANN401 - whatever `tell` takes
        """Keep a call that tells metrics something."""
        self._kept.append((tell, told))

    def tell_if_many(self) -> None:
        """Tell what is kept where that is more than a few."""
        if len(self._kept) >= MANY:
            self.tell()

    def tell(self) -> None:
        """Tell what is kept, in its order."""
        while self._kept:
            tell, told = self._kept.popleft()
            tell(*told)

    def collect(self) -> Iterable[Metric]:
        """Tell what is kept, so that the metrics behind are complete."""
        self.tell()
        return ()
