"""Gathers requests while the engine is busy and runs them together.

There is no timer: a request that finds the engine free runs at once. It knows no ONNX and no HTTP,
only a callable that turns a list of items into a list of results.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from service.errors import InferenceFailed, ModelNotReady, Overloaded

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Ran(Generic[Result]):
    """A result, how long its item waited and how long its batch ran."""

    result: Result
    queue_seconds: float
    run_seconds: float


@dataclass(frozen=True)
class Waiting(Generic[Item, Result]):
    """An accepted item, since when it waits, and the future that its caller waits for."""

    item: Item
    since: float
    ran: asyncio.Future[Ran[Result]]


class Batcher(Generic[Item, Result]):
    """One queue in front of one engine.

    Invariant: every accepted item ends, with its result, the failure of its batch, or ModelNotReady
    when the batcher is closed. An item whose caller left before the run is skipped.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[Result | Exception]],
        executor: Executor,
        *,
        max_batch_size: int,
        max_queue: int,
        what: str = "images",
        on_batch: Callable[[int], None] = lambda size: None,
    ) -> None:
        """Run batches of at most `max_batch_size` items in `executor`; `max_queue` may wait.

        `run` gives an exception in place of a result where one item fails alone. `what` names the
        items to callers who are refused.
        """
        self._run = run
        self._executor = executor
        self._max_batch_size = max_batch_size
        self._max_queue = max_queue
        self._what = what
        self._on_batch = on_batch
        self._queue: deque[Waiting[Item, Result]] = deque()
        self._arrival = asyncio.Event()
        self._closing = False
        self._loop = asyncio.get_running_loop().create_task(self._serve())
        self._loop.add_done_callback(lambda task: self._end_all())

    @property
    def depth(self) -> int:
        """Items that wait."""
        return len(self._queue)

    @property
    def is_alive(self) -> bool:
        """Whether items are accepted."""
        return not self._closing and not self._loop.done()

    async def submit(self, items: Sequence[Item]) -> list[Ran[Result]]:
        """Give the results of items, which run together as far as the batch size allows.

        Raises Overloaded when they do not all fit the queue, ModelNotReady when the batcher is
        closed, and whatever the run raised.
        """
        if not self.is_alive:
            raise ModelNotReady("the model is being closed; try again")
        if len(self._queue) + len(items) > self._max_queue:
            raise Overloaded(
                f"{len(self._queue)} {self._what} wait and {len(items)} more would pass the "
                f"queue's {self._max_queue}; try again, or send fewer at a time"
            )
        loop = asyncio.get_running_loop()
        since = time.perf_counter()
        waiting = [Waiting[Item, Result](item, since, loop.create_future()) for item in items]
        self._queue.extend(waiting)
        self._arrival.set()
        try:
            return list(await asyncio.gather(*(entry.ran for entry in waiting)))
        finally:
            for entry in waiting:
                entry.ran.cancel()  # those that still wait are skipped

    async def close(self) -> None:
        """Finish what was accepted, then stop."""
        self._closing = True
        self._arrival.set()
        await asyncio.gather(self._loop, return_exceptions=True)

    async def _serve(self) -> None:
        while True:
            await self._arrival.wait()
            self._arrival.clear()
            while batch := self._next_batch():
                await self._run_batch(batch)
            if self._closing:
                return

    def _next_batch(self) -> list[Waiting[Item, Result]]:
        batch: list[Waiting[Item, Result]] = []
        while self._queue and len(batch) < self._max_batch_size:
            entry = self._queue.popleft()
            if not entry.ran.done():
                batch.append(entry)
        return batch

    async def _run_batch(self, batch: list[Waiting[Item, Result]]) -> None:
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        try:
            self._on_batch(len(batch))
            results = await loop.run_in_executor(
                self._executor, self._run, [entry.item for entry in batch]
            )
            if len(results) != len(batch):
                raise InferenceFailed(
                    f"the engine gave {len(results)} results for {len(batch)} images"
                )
        except Exception as error:  # whatever it is, each caller is told, and the loop goes on
            _fail(batch, error)
            return
        except asyncio.CancelledError:
            _fail(batch, ModelNotReady("the model was closed; try again"))
            raise
        seconds = time.perf_counter() - started
        for entry, result in zip(batch, results, strict=True):
            if entry.ran.done():
                continue
            if isinstance(result, Exception):
                entry.ran.set_exception(result)
            else:
                entry.ran.set_result(Ran(result, started - entry.since, seconds))

    def _end_all(self) -> None:
        _fail(self._queue, ModelNotReady("the model was closed; try again"))
        self._queue.clear()


def _fail(entries: Iterable[Waiting[Any, Any]], error: Exception) -> None:
    for entry in entries:
        if not entry.ran.done():
            entry.ran.set_exception(error)
