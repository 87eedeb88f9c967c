"""Remembers results within a bound of bytes, and computes what several ask for at once only once.

It knows neither pictures nor HTTP. A key must tell everything that the result depends on.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from service.errors import InferenceFailed

Value = TypeVar("Value")
Outcome = Literal["hit", "miss", "shared"]


@dataclass(frozen=True)
class Made(Generic[Value]):
    """A result that was computed, and the bytes that keeping it takes; None is not to be kept."""

    value: Value
    size_bytes: int | None


Start = Callable[[], Coroutine[Any, Any, Made[Value]]]


@dataclass
class Flight(Generic[Value]):
    """A computation under way, and how many wait for it; nobody joins one that was given up."""

    task: asyncio.Task[Made[Value]]
    waiting: int = 0
    is_given_up: bool = False


class ResultCache:
    """Results by key, as many of the latest used as fit into `max_bytes`.

    Invariants: what is kept never passes the bound; each key is computed at most once at a time;
    a computation goes on as long as anybody waits for it, and is cancelled when the last one left.
    It belongs to one event loop.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.held_bytes = 0
        self._kept: OrderedDict[Hashable, Made[Any]] = OrderedDict()  # the last was used last
        self._flights: dict[Hashable, Flight[Any]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: Hashable) -> object | None:
        """Give the result that is kept under a key, if there is one."""
        made = self._look_up(key)
        return None if made is None else made.value

    def _look_up(self, key: Hashable) -> Made[Any] | None:
        made = self._kept.get(key)
        if made is not None:
            self._kept.move_to_end(key)
        return made

    async def answer(self, key: Hashable, start: Start[Value]) -> tuple[Value, Outcome]:
        """Give the result under a key, and whether it was kept, computed or shared with others.

        `start` is called where it must be computed, and gives the coroutine that does so, which
        runs in a task of its own. What `start` raises is the caller's alone. What the computation
        raises is told to all who wait for it, and not kept. Raises InferenceFailed where the
        computation was cancelled by somebody else.
        """
        while True:
            made: Made[Value] | None = self._look_up(key)
            if made is not None:
                return made.value, "hit"
            flight: Flight[Value] | None = self._flights.get(key)
            if flight is None:
                return await _join(self._begin(key, start)), "miss"
            if not flight.is_given_up:
                return await _join(flight), "shared"
            await asyncio.wait([flight.task])  # it ends soon, and what it held is free again

    def _begin(self, key: Hashable, start: Start[Value]) -> Flight[Value]:
        flight = Flight(asyncio.get_running_loop().create_task(start()))
        self._flights[key] = flight
        flight.task.add_done_callback(lambda task: self._land(key, task))
        return flight

    def _land(self, key: Hashable, task: asyncio.Task[Made[Any]]) -> None:
        del self._flights[key]
        if not task.cancelled() and task.exception() is None:
            self._keep(key, task.result())

    def _keep(self, key: Hashable, made: Made[Any]) -> None:
        if made.size_bytes is None or made.size_bytes > self.max_bytes:
            return
        self._kept[key] = made
        self.held_bytes += made.size_bytes
        while self.held_bytes > self.max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self.held_bytes -= oldest.size_bytes or 0


async def _join(flight: Flight[Value]) -> Value:
    flight.waiting += 1
    try:
        await asyncio.wait([flight.task])
    finally:
        flight.waiting -= 1
        if not flight.waiting and not flight.task.done():
            flight.is_given_up = True
            flight.task.cancel()
            await asyncio.wait([flight.task])  # who leaves leaves nothing behind
    if flight.task.cancelled():
        raise InferenceFailed("the computation that others began was stopped; try again")
    return flight.task.result().value
