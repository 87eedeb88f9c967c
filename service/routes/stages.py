"""The stages that a request about pictures goes through, timed: read, decode, queue, run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request

from service.batching import Ran
from service.contract import Preprocessing
from service.engine import Floats
from service.errors import CallerGone, DeadlineExceeded, VitrineError
from service.exchange import note_stage
from service.preprocess import ImageFacts, ImageLimits, preprocess
from service.problems import problem_of
from service.routes.context import Context
from service.schemas import FailedResult, Timing

Result = TypeVar("Result")


@dataclass(frozen=True)
class Prepared:
    """A picture that is ready for the engine: its pixel values are [3, rows, columns].

    The picture itself is not kept, since many may wait.
    """

    image: ImageFacts
    pixel_values: Floats


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
            decode=_milliseconds(self.decode),
            queue=_milliseconds(self.queue),
            inference=_milliseconds(self.inference),
            total=_milliseconds(time.perf_counter() - self.started),
        )


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)


@asynccontextmanager
async def deadline(seconds: float) -> AsyncIterator[None]:
    """End what takes longer. Raises DeadlineExceeded."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise DeadlineExceeded(
            f"the answer took longer than {seconds:g} s; try again when the service is less busy, "
            "or ask for less: fewer pictures, or an explanation that takes one pass"
        ) from None


async def while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Await work, and cancel it when the caller leaves. Raises CallerGone.

    The request's body must have been read.
    """
    working, leaving = asyncio.create_task(work), asyncio.create_task(_until_gone(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise CallerGone("the caller left before the answer; nobody waits for it")
        return await working
    finally:
        working.cancel()
        leaving.cancel()


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _prepared(encoded: bytes, preprocessing: Preprocessing, limits: ImageLimits) -> Prepared:
    decoded, pixel_values = preprocess(encoded, preprocessing, limits)
    return Prepared(decoded.facts, pixel_values)


async def prepare(
    data: Sequence[bytes], preprocessing: Preprocessing, context: Context, watch: Stopwatch
) -> list[Prepared | VitrineError]:
    """Decode pictures side by side; a bad one gives its error and leaves the others alone."""
    started = time.perf_counter()
    limits = context.limits

    async def one(encoded: bytes) -> Prepared | VitrineError:
        try:
            return await context.in_thread(lambda: _prepared(encoded, preprocessing, limits))
        except VitrineError as error:
            return error

    prepared = await asyncio.gather(*map(one, data))
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
