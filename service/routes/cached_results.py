"""How routes ask the result cache: by content, with the outcome counted and told to the caller."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from service.exchange import note_cached
from service.result_cache import Outcome, ResultCache, Start
from service.result_key import ResultKey, content_digest
from service.routes.context import Context

Result = TypeVar("Result")
DIGEST_AT_ONCE_BYTES = 256 * 1024  # some 0.2 ms; more would hold up the event loop


async def content_digests(pictures: Sequence[bytes], context: Context) -> list[bytes]:
    """Give the digest of every picture, in another thread where there is much to read."""
    if sum(map(len, pictures)) <= DIGEST_AT_ONCE_BYTES:
        return list(map(content_digest, pictures))
    return await context.in_thread(lambda: list(map(content_digest, pictures)))


async def ask_cache(
    cache: ResultCache, key: ResultKey, start: Start[Result], context: Context
) -> tuple[Result, Outcome, float]:
    """Ask the cache, and note the outcome; gives it too, and the seconds that were waited."""
    began = time.perf_counter()
    result, outcome = await cache.answer(key, start)
    note_outcome(outcome, context)
    return result, outcome, time.perf_counter() - began


def note_outcome(outcome: Outcome, context: Context) -> None:
    """Take down whether a result was kept, computed or shared."""
    context.metrics.cache_requests.labels(outcome).inc()
    note_cached(outcome)


async def all_of(works: Sequence[Coroutine[Any, Any, Result]]) -> list[Result]:
    """Await works side by side; when one fails, or the caller leaves, the others are cancelled."""
    if len(works) == 1:
        return [await works[0]]
    tasks = [asyncio.create_task(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
