"""Gathers items while the cores are busy and runs them together.

There is no timer: an item that finds a core free runs at once. What waits decides how it is run: a
lone item gets every core for itself, many items get a core a batch, so that several run side by
side. It knows no ONNX and no HTTP, only a callable that turns a list of items into a list of
results.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from service.admission import Admission
from service.batch_sizes import BatchSizes
from service.cores import Cores
from service.errors import InferenceFailed, ModelNotReady
from service.quota import Hold

QUIET_TURNS = 4  # of the event loop: what it has read is in the queue after three
Item = TypeVar("Item")
Result = TypeVar("Result")
Run = Callable[[Sequence[Item], bool], Sequence[Result]]  # from items, and whether on all cores


class Ran(NamedTuple, Generic[Result]):
    """A result, how long its item waited and how long its batch ran."""

    result: Result
    queue_seconds: float
    run_seconds: float


class Waiting(NamedTuple, Generic[Item, Result]):
    """An accepted item, since when it waits, and the future that its caller waits for."""

    item: Item
    since: float
    ran: asyncio.Future[Ran[Result]]


class Batcher(Generic[Item, Result]):
    """One queue in front of the cores.

    Invariant: every item submitted ends, with its result, the failure of its batch, or
    ModelNotReady when the batcher is closed. An item whose caller left before the run is skipped.
    """

    def __init__(
        self,
        run: Run[Item, Result],
        cores: Cores,
        *,
        sizes: BatchSizes,
        max_queue: int,
        side_by_side: int | None = None,
        always_wide: bool = False,
        is_brief: bool = False,
        what: str = "images",
        on_batch: Callable[[int], None] = lambda size: None,
    ) -> None:
        """Run batches of `sizes` on `cores`; `max_queue` items may be under way.

        So many batches run `side_by_side`, by default one on every place; no more than there are
        CPUs where so many items wait that the event loop is short of one. `always_wide` runs one
        batch after the other on all cores. Where a run of one item `is_brief`, one that finds
        nothing under way runs on the event loop, since to hand it to a thread and back takes a
        quarter of a millisecond. `what` names the items to callers who are refused.
        """
        self._run = run
        self._cores = cores
        self._sizes = sizes
        self._always_wide = always_wide
        self._is_brief = is_brief
        self._on_batch = on_batch
        self.admission = Admission(
            max_queue,
            what,
            side_by_side or cores.places,
            sizes.largest,
            in_crowd=cores.places if always_wide else cores.number,
        )
        self._queue: deque[Waiting[Item, Result]] = deque()
        self._arrival = asyncio.Event()
        self._running: set[asyncio.Future[None]] = set()
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
        return not (self._closing or self._loop.done())

    def admitted(self, count: int, patience_seconds: float = math.inf) -> Hold:
        """Hold places for items until the block ends.

        Raises Overloaded when they do not fit the queue, or when those before them would not be
        done within `patience_seconds`; ModelNotReady when the batcher is closed.
        """
        self._check_alive()
        return self.admission.admitted(count, patience_seconds)

    def check_room(self, count: int, patience_seconds: float = math.inf) -> None:
        """Raise what `admitted` would raise."""
        self._check_alive()
        self.admission.check(count, patience_seconds)

    async def submit(self, items: Sequence[Item], since: float | None = None) -> list[Ran[Result]]:
        """Give the results of items, which run together as far as the batch sizes allow.

        `since` is when they came (`time.perf_counter`), now by default. Raises ModelNotReady when
        the batcher is closed, and whatever the run raised.
        """
        self._check_alive()
        loop = asyncio.get_running_loop()
        since = time.perf_counter() if since is None else since
        may_be_alone = self._is_brief and len(items) == 1 and not self._queue and self._is_quiet()
        waiting: list[Waiting[Item, Result]] = [
            Waiting(item, since, loop.create_future()) for item in items
        ]
        self._queue.extend(waiting)
        try:
            if may_be_alone:
                await asyncio.sleep(0)  # who came together with it is seen first
                if len(self._queue) == 1 and self._queue[0] is waiting[0] and self._is_quiet():
                    self._queue.clear()
                    waiting.clear()
                    return [self._run_at_once(items[0], since)]
            self._arrival.set()
            return [await entry.ran for entry in waiting]
        finally:
            for entry in waiting:
                if not entry.ran.done():
                    entry.ran.cancel()  # those that still wait are skipped
                    self._arrival.set()
                elif not entry.ran.cancelled():
                    entry.ran.exception()  # told already, by the first of them

    def _is_quiet(self) -> bool:
        """Whether nothing runs, nor would have run beside the last batch."""
        return self._cores.free == self._cores.places and self._leaves_cores_free()

    def _run_at_once(self, item: Item, since: float) -> Ran[Result]:
        """Run a lone item on all cores, in the thread of the event loop."""
        held = self._cores.take_rest()
        self.admission.most_under_way = self.admission.places.held
        started = time.perf_counter()
        try:
            self._on_batch(1)
            results = self._run([item], True)
        finally:
            self._cores.release(held)
        seconds = time.perf_counter() - started
        _check_number(results, 1)
        self.admission.learn(1, seconds, held)
        return Ran(results[0], started - since, seconds)

    def _check_alive(self) -> None:
        if self._closing or self._loop.done():
            raise ModelNotReady("the model is being closed; try again")

    async def close(self) -> None:
        """Finish what was accepted, then stop."""
        self._closing = True
        self._arrival.set()
        await asyncio.gather(self._loop, return_exceptions=True)

    async def _serve(self) -> None:
        while True:
            await self._arrival.wait()
            self._arrival.clear()
            while self._skip_departed():
                await self._start_batch()
            if self._closing:
                await asyncio.gather(*self._running)
                return

    def _skip_departed(self) -> int:
        """Drop the items at the front whose callers left; say how many wait."""
        while self._queue and self._queue[0].ran.done():
            self._queue.popleft()
        return len(self._queue)

    async def _start_batch(self) -> None:
        """Wait for a turn, then run what waits by then."""
        places = self._cores.places
        held = places if self._always_wide else 1
        leaving = places - self.admission.side_by_side
        # a lane that takes every core lets all go first that wait already: its items may be many
        since = time.perf_counter() if self._always_wide else self._queue[0].since
        await self._cores.take(held, since, leaving)
        batch: list[Waiting[Item, Result]] = []
        try:
            await self._let_others_come()
            batch = self._next_batch()
            if batch and self._are_alone():
                held += self._cores.take_rest()
            if batch:
                self._dispatch(batch, held)
        except Exception as error:  # whatever it is, each caller is told, and the loop goes on
            _fail(batch, error)
            batch = []
        finally:
            if not batch:
                self._cores.release(held)

    async def _let_others_come(self) -> None:
        """Let the event loop read what has come, while fewer wait than a place's share.

        Who was just answered asks again meanwhile, and half of all batches would else be of one
        image. The place rests no longer than the event loop works, which would want a CPU from
        the batch. It ends when the loop has found nothing for some turns.
        """
        share = math.ceil(self.admission.places.held / self.admission.side_by_side)
        enough = min(self._sizes.largest, share)
        waited, quiet = len(self._queue), 0
        while len(self._queue) < enough and quiet < QUIET_TURNS:
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._queue) == waited else 0
            waited = len(self._queue)

    def _are_alone(self) -> bool:
        """Whether a batch may have every core: nothing else runs, nor would have run meanwhile.

        Two callers who ask in turns are seen by what was under way since the last batch began.
        """
        idle = self._cores.free == self._cores.places - 1
        is_alone = idle and self._leaves_cores_free()
        self.admission.most_under_way = self.admission.places.held
        return is_alone

    def _leaves_cores_free(self) -> bool:
        few = self.admission.most_under_way < self._cores.number
        return few and not self._cores.are_wanted

    def _next_batch(self) -> list[Waiting[Item, Result]]:
        """Take a batch off the queue."""
        waiting = [entry for entry in self._queue if not entry.ran.done()]
        if not waiting:
            self._queue.clear()
            return []
        size = self._sizes.taken(self._share(len(waiting)))
        self._queue = deque(waiting[size:])
        return waiting[:size]

    def _share(self, waiting: int) -> int:
        """Divide what waits among the CPUs that are free; few items stay together.

        Who was answered together asks again together: a batch of nearly all would stay that.
        """
        idle = min(self._cores.free + 1, self._cores.number)  # one place is held already
        if self._always_wide or waiting < idle:
            return waiting
        of_a_cpu = math.ceil(self.admission.places.held / self._cores.number)
        return max(1, min(math.ceil(waiting / idle), of_a_cpu))

    def _dispatch(self, batch: list[Waiting[Item, Result]], held: int) -> None:
        loop = asyncio.get_running_loop()
        finished: asyncio.Future[None] = loop.create_future()
        items, is_wide = [entry.item for entry in batch], held == self._cores.places
        started = time.perf_counter()

        def work() -> Sequence[Result] | BaseException:
            try:
                return self._run(items, is_wide)
            except BaseException as error:  # the thread goes on; the callers are told
                return error

        def finish(outcome: Sequence[Result] | BaseException) -> None:
            self._cores.release(held)
            seconds = time.perf_counter() - started
            if not isinstance(outcome, BaseException):
                self.admission.learn(len(batch), seconds, held)
            _hand_out(batch, outcome, started, seconds)
            finished.set_result(None)

        self._on_batch(len(batch))
        self._cores.submit(work, finish, on_all=is_wide)
        self._running.add(finished)
        finished.add_done_callback(self._running.discard)

    def _end_all(self) -> None:
        _fail(self._queue, ModelNotReady("the model was closed; try again"))
        self._queue.clear()


def _hand_out(
    batch: Sequence[Waiting[Any, Any]],
    outcome: Sequence[Any] | BaseException,
    started: float,
    seconds: float,
) -> None:
    if isinstance(outcome, BaseException):
        _fail(batch, outcome)
        return
    try:
        _check_number(outcome, len(batch))
    except InferenceFailed as error:
        _fail(batch, error)
    else:
        for entry, result in zip(batch, outcome, strict=True):
            if not entry.ran.done():
                entry.ran.set_result(Ran(result, started - entry.since, seconds))


def _check_number(results: Sequence[Any], items: int) -> None:
    if len(results) != items:
        raise InferenceFailed(f"the engine gave {len(results)} results for {items} items")


def _fail(entries: Iterable[Waiting[Any, Any]], error: BaseException) -> None:
    told = error if isinstance(error, Exception) else InferenceFailed(f"the run ended: {error!r}")
    for entry in entries:
        if not entry.ran.done():
            entry.ran.set_exception(told)
