"""One request and its answer, as metrics, headers, logs and traces tell of it.

The middleware enters an exchange; whoever works for the request finds it in `CURRENT`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import NamedTuple, Self

NO_SIZES: Mapping[str, int] = {}
CACHE_OUTCOMES = ("", "hit", "shared", "miss")  # one of several pictures tells by the slowest
CURRENT: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


class Stage(NamedTuple):
    """A stage that is over: when it began, on the clock of `perf_counter`, and how long it took.

    `sizes` are counts of bytes, images or passes, never content.
    """

    name: str
    started: float
    seconds: float
    sizes: Mapping[str, int]


@dataclass
class Exchange:
    """What is known of a request so far; `route` is a template, never the path that was asked.

    It is the current one while it is entered. What is noted by when it `ended`, on the clock of
    `perf_counter`, is what metrics tell of it.
    """

    request_id: str
    method: str = ""
    route: str = ""
    status: int = 500
    problem: str = ""
    model: str = ""
    cached: str = ""
    key_name: str = ""
    bytes_in: int = 0
    bytes_out: int = 0
    trace_id: str = ""
    span_id: str = ""
    stages: list[Stage] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)
    started_nanoseconds: int = field(default_factory=time.time_ns)
    ended: float | None = None
    _token: Token[Exchange | None] | None = field(default=None, init=False, repr=False)

    def __enter__(self) -> Self:
        """Make it the current one until the block ends."""
        self._token = CURRENT.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._token
        CURRENT.reset(self._token)
        self._token = None  # it would keep all that is in the request's context

    @property
    def seconds(self) -> float:
        """How long the request has taken, so far or in all."""
        return (time.perf_counter() if self.ended is None else self.ended) - self.started

    def server_timing(self) -> str:
        """Give the value of a Server-Timing header (W3C): each stage and all, in milliseconds."""
        spent: dict[str, float] = {}
        for stage in self.stages:
            spent[stage.name] = spent.get(stage.name, 0.0) + stage.seconds
        spent["total"] = self.seconds
        told = [f"{name};dur={seconds * 1000:.3f}" for name, seconds in spent.items()]
        return ", ".join([f"cache;desc={self.cached}", *told] if self.cached else told)

    def nanoseconds(self, moment: float) -> int:
        """Give a moment of `perf_counter` as nanoseconds since 1970."""
        return self.started_nanoseconds + round((moment - self.started) * 1e9)


def note_model(name: str, version: str) -> None:
    """Take down which model answers the current request."""
    if exchange := CURRENT.get():
        exchange.model = f"{name}/{version}"


def note_cached(outcome: str) -> None:
    """Take down whether the cache had a result for the current request; a miss outweighs a hit."""
    if exchange := CURRENT.get():
        exchange.cached = max(exchange.cached, outcome, key=CACHE_OUTCOMES.index)
