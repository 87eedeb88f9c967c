"""The queue in front of the engine: every item ends, and ends at its own caller."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.batching import Batcher
from service.errors import InferenceFailed, ModelNotReady, Overloaded

PATIENCE_SECONDS = 20


class EngineFailed(Exception):
    """What the engine of these tests raises."""


def tenfold(items):
    return [item * 10 for item in items]


async def in_batcher(use, run=tenfold, *, max_batch_size=4, max_queue=100, **options):
    """Let `use` work with a batcher, then close it; nothing may hang."""
    with ThreadPoolExecutor(1) as executor:
        batcher = Batcher(
            run, executor, max_batch_size=max_batch_size, max_queue=max_queue, **options
        )
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await use(batcher)
        finally:
            await batcher.close()


def play(use, **options):
    return asyncio.run(in_batcher(use, **options))


def test_results_come_in_the_order_of_their_items() -> None:
    async def use(batcher):
        return [ran.result for ran in await batcher.submit([3, 1, 2])]

    assert play(use) == [30, 10, 20]


def test_no_items_give_no_results() -> None:
    assert play(lambda batcher: batcher.submit([])) == []


def test_waiting_and_running_are_timed() -> None:
    (ran,) = play(lambda batcher: batcher.submit([1]))
    assert ran.queue_seconds >= 0
    assert ran.run_seconds > 0


def test_items_that_gather_while_the_engine_is_busy_run_together() -> None:
    gate, batches = threading.Event(), []

    def run(items):
        batches.append(list(items))
        gate.wait(PATIENCE_SECONDS)
        return items

    async def use(batcher):
        first = asyncio.create_task(batcher.submit([0]))
        while not batches:
            await asyncio.sleep(0)
        others = [asyncio.create_task(batcher.submit([item])) for item in (1, 2, 3)]
        while batcher.depth < 3:
            await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(first, *others)

    play(use, run=run)
    assert batches == [[0], [1, 2, 3]]


def test_a_failing_batch_fails_alone() -> None:
    def run(items):
        if "bad" in items:
            raise EngineFailed
        return items

    async def use(batcher):
        with pytest.raises(EngineFailed):
            await batcher.submit(["bad"])
        return [ran.result for ran in await batcher.submit(["good"])]

    assert play(use, run=run) == ["good"]


def test_a_wrong_number_of_results_is_a_failure_of_the_engine() -> None:
    async def use(batcher):
        with pytest.raises(InferenceFailed, match="1 results for 2 images"):
            await batcher.submit([1, 2])

    play(use, run=lambda items: items[:1])


def test_an_observer_that_fails_leaves_no_caller_waiting() -> None:
    def observe(size):
        raise EngineFailed

    async def use(batcher):
        for _ in range(2):
            with pytest.raises(EngineFailed):
                await batcher.submit([1])

    play(use, on_batch=observe)


def test_more_than_the_queue_holds_is_refused_and_nothing_of_it_is_kept() -> None:
    async def use(batcher):
        with pytest.raises(Overloaded, match="3 more would pass the queue's 2") as overloaded:
            await batcher.submit([1, 2, 3])
        assert overloaded.value.retry_after_seconds >= 1
        assert batcher.depth == 0
        assert len(await batcher.submit([1, 2])) == 2

    play(use, max_queue=2)


def test_a_closed_batcher_accepts_nothing() -> None:
    async def use(batcher):
        await batcher.close()
        assert not batcher.is_alive
        with pytest.raises(ModelNotReady):
            await batcher.submit([1])

    play(use)


def test_closing_finishes_what_was_accepted() -> None:
    async def use(batcher):
        accepted = asyncio.create_task(batcher.submit(list(range(10))))
        await asyncio.sleep(0)
        await batcher.close()
        return [ran.result for ran in await accepted]

    assert play(use) == [item * 10 for item in range(10)]


def test_when_its_loop_dies_waiting_callers_are_told_and_it_is_no_longer_alive() -> None:
    gate = threading.Event()

    def run(items):
        gate.wait(PATIENCE_SECONDS)
        return items

    async def use(batcher):
        callers = [asyncio.create_task(batcher.submit([item])) for item in (1, 2)]
        while batcher.depth != 1:
            await asyncio.sleep(0)
        (serving,) = (task for task in asyncio.all_tasks() if "_serve" in str(task.get_coro()))
        serving.cancel()
        gate.set()
        ended = await asyncio.gather(*callers, return_exceptions=True)
        assert all(isinstance(error, ModelNotReady) for error in ended)
        assert not batcher.is_alive

    play(use, run=run, max_batch_size=1)


@settings(deadline=None, max_examples=60)
@given(
    callers=st.lists(
        st.tuples(
            st.integers(0, 5),  # items
            st.sampled_from(["wait", "leave at once", "leave later"]),
            st.integers(0, 3),  # turns of the loop before the next caller comes
        ),
        max_size=15,
    ),
    failing=st.sets(st.integers(0, 80)),
    max_batch_size=st.integers(1, 6),
    max_queue=st.integers(1, 30),
    closes_early=st.booleans(),
)
def test_every_item_ends_at_its_caller_whatever_happens(
    callers, failing, max_batch_size, max_queue, closes_early
) -> None:
    batches: list[list[int]] = []

    def run(items):
        batches.append(list(items))
        if failing.intersection(items):
            raise EngineFailed
        return tenfold(items)

    async def use(batcher):
        tasks, number = [], 0
        for count, patience, turns in callers:
            items = list(range(number, number + count))
            number += count
            task = asyncio.create_task(batcher.submit(items))
            tasks.append((items, patience, task))
            for _ in range(turns):
                await asyncio.sleep(0)
            if patience == "leave at once":
                task.cancel()
        for _, patience, task in tasks:
            if patience == "leave later":
                task.cancel()
        if closes_early:
            await batcher.close()
        ended = await asyncio.gather(*(task for *_, task in tasks), return_exceptions=True)
        for (items, patience, _), outcome in zip(tasks, ended, strict=True):
            if isinstance(outcome, list):
                assert [ran.result for ran in outcome] == tenfold(items)
            elif isinstance(outcome, asyncio.CancelledError):
                assert patience != "wait"
            else:
                assert isinstance(outcome, EngineFailed | Overloaded | ModelNotReady)
        assert batcher.depth == 0 or not closes_early

    play(use, run=run, max_batch_size=max_batch_size, max_queue=max_queue)
    assert all(1 <= len(batch) <= max_batch_size for batch in batches)
    ran = [item for batch in batches for item in batch]
    assert ran == sorted(set(ran))  # in their order, and none twice
