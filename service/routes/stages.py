"""The stages that a request about pictures goes through, timed: read, decode, queue, run."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from fastapi import Request

from service.batching import Ran
from service.errors import CallerGone, DeadlineExceeded, InvalidParameter, VitrineError
from service.exchange import note_model
from service.interruption import Interruption, TimeLimit
from service.preprocess import Prepared
from service.problems import problem_of
from service.request_headers import headers_of
from service.routes.context import Context
from service.schemas import FailedResult, Timing
from service.served_model import Lane, ServedModel
from service.stage_times import note_stage

Result = TypeVar("Result")
DEADLINE_HEADER = "X-Deadline-Ms"
DEADLINE = DEADLINE_HEADER.lower().encode()
ENDS = "ends"  # in a request's state: when its deadline is, on the event loop's clock
UNWATCHED_SECONDS = 0.05  # a task for each request costs more than work that is over by then
MILLISECONDS = re.compile(r"[1-9]\d{0,8}", re.ASCII)


@dataclass
class Stopwatch:
    """Where a request's time goes, in seconds."""

    started: float
    decode: float = 0.0
    queue: float = 0.0
    inference: float = 0.0

    @classmethod
    def start(cls) -> Stopwatch:
        """Start now."""
        return cls(time.perf_counter())

    def timing(self) -> Timing:
        """Say it in milliseconds."""
        return Timing(
            decode=round(1000 * self.decode, 3),
            queue=round(1000 * self.queue, 3),
            inference=round(1000 * self.inference, 3),
            total=round(1000 * (time.perf_counter() - self.started), 3),
        )


def seconds_left(request: Request) -> float:
    """Say how much time there is until the deadline of a request with an `answering_model`."""
    ends: float = request.scope["state"][ENDS]
    return max(0.0, ends - asyncio.get_running_loop().time())


def _patience_seconds(request: Request, context: Context) -> float:
    """Say how long the answer may take: by the caller's header, and by the setting at most.

    Raises InvalidParameter.
    """
    most = context.settings.deadline_seconds
    stated = headers_of(request.scope).get(DEADLINE)
    if stated is None:
        return most
    asked = stated.decode("latin-1")
    if not MILLISECONDS.fullmatch(asked):
        raise InvalidParameter(
            f"{DEADLINE_HEADER} must be a number of milliseconds, 1 or more, not {asked[:20]!r}"
        )
    return min(most, int(asked) / 1000)


@contextmanager
def answering_model(
    request: Request,
    context: Context,
    lane: Lane,
    name: str | None = None,
    version: str | None = None,
) -> Iterator[ServedModel]:
    """Find the model that answers, and keep it open until the block ends, within the deadline.

    What would find no room in its queue is refused here, before the body is read; with a cache the
    body is read all the same, since what is known needs none. Raises what `Registry.lease` and
    `ServedModel.check_room` raise, and DeadlineExceeded.
    """
    seconds = _patience_seconds(request, context)
    request.scope["state"][ENDS] = asyncio.get_running_loop().time() + seconds
    with context.registry.lease(name, version) as model:
        note_model(model.contract.name, model.contract.version)
        if context.results is None:
            model.check_room(lane, seconds)
        with TimeLimit(seconds, partial(_too_late, seconds)):
            yield model


def _too_late(seconds: float) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"the answer took longer than {seconds:g} s; try again when the service is less busy, "
        "or ask for less: fewer pictures, or an explanation that takes one pass"
    )


async def while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Await work, and cancel it when the caller leaves. Raises CallerGone.

    The request's body must have been read. Nobody looks after the caller for the first
    UNWATCHED_SECONDS.
    """
    leaving: asyncio.Task[None] | None = None

    def watch() -> None:
        nonlocal leaving
        leaving = asyncio.create_task(_until_gone(request))
        leaving.add_done_callback(lambda task: working.interrupt())

    watching = asyncio.get_running_loop().call_later(UNWATCHED_SECONDS, watch)
    with Interruption(_gone) as working:
        try:
            return await work
        finally:
            watching.cancel()
            if leaving:
                leaving.cancel()


def _gone() -> CallerGone:
    return CallerGone("the caller left before the answer; nobody waits for it")


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def prepare(
    data: Sequence[bytes], model: ServedModel, context: Context, watch: Stopwatch
) -> list[Prepared | VitrineError]:
    """Decode pictures side by side; a bad one gives its error and leaves the others alone."""
    started = time.perf_counter()
    prepared = await model.decode(data)
    watch.decode = time.perf_counter() - started
    sizes = {"images": len(data), "bytes": sum(map(len, data))}
    note_stage(context.metrics, "decode", watch.decode, sizes=sizes)
    return prepared


def note_runs(runs: Sequence[Ran[Any]], stage: str, context: Context, watch: Stopwatch) -> None:
    """Take down how long it was until the first ran, and from then until the last had run."""
    if runs:
        queued = min(run.queue_seconds for run in runs)
        ran = max(run.queue_seconds + run.run_seconds for run in runs) - queued
        watch.queue += queued
        watch.inference += ran
        now = time.perf_counter()
        sizes = {"items": len(runs)}
        note_stage(context.metrics, "queue", queued, ended=now - ran, sizes=sizes)
        note_stage(context.metrics, stage, ran, ended=now, sizes=sizes)


def failed(error: VitrineError, request: Request) -> FailedResult:
    """Describe one picture's error among the answers of the others."""
    return FailedResult(error=problem_of(error, request.state.request_id))
