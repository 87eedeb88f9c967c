"""Takes down how long the stages of a request take, for metrics and for the request's exchange."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Self

from service.exchange import CURRENT, NO_SIZES, Stage
from service.metrics import Metrics


def note_stage(
    metrics: Metrics,
    name: str,
    seconds: float,
    *,
    ended: float | None = None,
    sizes: Mapping[str, int] = NO_SIZES,
) -> None:
    """Take down how long a stage took; it `ended` now unless another moment is given."""
    exchange = CURRENT.get()
    if exchange is None or exchange.ended is not None:
        metrics.note_stage(name, seconds)
        return
    started = (time.perf_counter() if ended is None else ended) - seconds
    exchange.stages.append(Stage(name, started, seconds, sizes))


class TimedStage:
    """Times a stage, even one that fails; the block may put its `sizes` there."""

    def __init__(self, metrics: Metrics, name: str) -> None:
        self.sizes: dict[str, int] = {}
        self._metrics = metrics
        self._name = name

    def __enter__(self) -> Self:
        """Begin to time."""
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        """Take down how long the block took."""
        seconds = time.perf_counter() - self._started
        note_stage(self._metrics, self._name, seconds, sizes=self.sizes)
