"""The queue in front of the engine: every item ends, and ends at its own caller."""

from __future__ import annotations

import asyncio
import math
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.batch_sizes import BatchSizes
from service.batching import Batcher
from service.cores import Cores
from service.errors import InferenceFailed, ModelNotReady, Overloaded

PATIENCE_SECONDS = 20


class EngineFailed(Exception):
    """What the engine of these tests raises."""


def tenfold(items):
    return [item * 10 for item in items]


async def ask(batcher, items, patience_seconds=math.inf):
    """Be admitted and wait for the results, as a served model does."""
    with batcher.admitted(len(items), patience_seconds):
        return await batcher.submit(items)


async def in_batcher(
    use, run=tenfold, *, max_batch_size=4, max_queue=100, cores=1, spare=0, on_cores=None, **options
):
    """Let `use` work with a batcher, then close it; nothing may hang, and no core stays held."""
    sizes = BatchSizes(tuple(range(1, max_batch_size + 1)))
    held = Cores(cores, spare)

    def run_on(items, is_wide):
        if on_cores is not None:
            on_cores.append((list(items), cores if is_wide else 1))
        return run(items)

    batcher = Batcher(run_on, held, sizes=sizes, max_queue=max_queue, **options)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await use(batcher)
    finally:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await batcher.close()
        assert held.free == held.places
        held.close()


def play(use, **options):
    return asyncio.run(in_batcher(use, **options))


def closed_gate():
    """Give a run that waits for a gate, the gate, and what was run."""
    gate, batches = threading.Event(), []

    def run(items):
        batches.append(list(items))
        assert gate.wait(PATIENCE_SECONDS)
        return items

    return run, gate, batches


async def until(is_true):
    while not is_true():
        await asyncio.sleep(0)


def test_results_come_in_the_order_of_their_items() -> None:
    async def use(batcher):
        return [ran.result for ran in await ask(batcher, [3, 1, 2])]

    assert play(use) == [30, 10, 20]


def test_no_items_give_no_results() -> None:
    assert play(lambda batcher: ask(batcher, [])) == []


def test_waiting_and_running_are_timed() -> None:
    (ran,) = play(lambda batcher: ask(batcher, [1]))
    assert ran.queue_seconds >= 0
    assert ran.run_seconds > 0


def assert_so_many_at_once(at_once, items, **options) -> None:
    """Ask for single items, and hold that so many batches run side by side, no more and no less."""
    run, gate, batches = closed_gate()

    async def use(batcher):
        asked = [asyncio.create_task(ask(batcher, [item])) for item in range(items)]
        await until(lambda: len(batches) == at_once)
        for _ in range(50):
            await asyncio.sleep(0.001)
        assert len(batches) == at_once
        gate.set()
        await asyncio.gather(*asked)

    play(use, run=run, max_batch_size=1, **options)
    assert sorted(batches) == [[item] for item in range(items)]


@pytest.mark.parametrize(("side_by_side", "at_once"), [(None, 3), (2, 2)])
def test_so_many_batches_run_side_by_side(side_by_side, at_once) -> None:
    assert_so_many_at_once(at_once, 6, cores=3, side_by_side=side_by_side)


@pytest.mark.parametrize(("items", "at_once"), [(5, 3), (6, 2)])
def test_a_crowd_leaves_the_place_beyond_the_cpus_to_the_event_loop(items, at_once) -> None:
    """Two batches for each of three places are a crowd."""
    assert_so_many_at_once(at_once, items, cores=2, spare=1)


@pytest.mark.parametrize(("always_wide", "seconds"), [(True, 2), (False, 3)])
def test_a_crowd_waits_for_as_many_runs_as_go_on_at_once(always_wide, seconds) -> None:
    """A lane that takes every place for each run has no place to leave."""

    async def use(batcher):
        batcher.admission.learn(1, 1, 1)
        with batcher.admitted(6):
            return batcher.admission.expected_seconds(6)

    expected = play(use, cores=2, spare=1, max_batch_size=1, always_wide=always_wide)
    assert expected == pytest.approx(seconds)


def test_items_that_gather_while_the_engine_is_busy_run_together() -> None:
    run, gate, batches = closed_gate()

    async def use(batcher):
        first = asyncio.create_task(ask(batcher, [0]))
        await until(lambda: batches)
        others = [asyncio.create_task(ask(batcher, [item])) for item in (1, 2, 3)]
        await until(lambda: batcher.depth == 3)
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
            await ask(batcher, ["bad"])
        return [ran.result for ran in await ask(batcher, ["good"])]

    assert play(use, run=run) == ["good"]


def test_a_wrong_number_of_results_is_a_failure_of_the_engine() -> None:
    async def use(batcher):
        with pytest.raises(InferenceFailed, match="1 results for 2 items"):
            await ask(batcher, [1, 2])

    play(use, run=lambda items: items[:1])


@pytest.mark.parametrize("options", [{}, {"is_brief": True, "cores": 2}], ids=["", "brief"])
def test_an_observer_that_fails_leaves_no_caller_waiting(options) -> None:
    def observe(size):
        raise EngineFailed

    async def use(batcher):
        for _ in range(2):
            with pytest.raises(EngineFailed):
                await ask(batcher, [1])

    play(use, on_batch=observe, **options)


def test_more_than_the_queue_holds_is_refused_and_nothing_of_it_is_kept() -> None:
    async def use(batcher):
        with pytest.raises(Overloaded, match="3 more would pass the queue's 2") as overloaded:
            await ask(batcher, [1, 2, 3])
        assert overloaded.value.retry_after_seconds >= 1
        assert batcher.depth == 0
        assert len(await ask(batcher, [1, 2])) == 2

    play(use, max_queue=2)


def test_a_closed_batcher_accepts_nothing() -> None:
    async def use(batcher):
        await batcher.close()
        assert not batcher.is_alive
        with pytest.raises(ModelNotReady):
            await ask(batcher, [1])

    play(use)


def test_closing_finishes_what_was_accepted() -> None:
    async def use(batcher):
        accepted = asyncio.create_task(ask(batcher, list(range(10))))
        await asyncio.sleep(0)
        await batcher.close()
        return [ran.result for ran in await accepted]

    assert play(use) == [item * 10 for item in range(10)]


def test_when_its_loop_dies_waiting_callers_are_told_and_it_is_no_longer_alive() -> None:
    run, gate, batches = closed_gate()

    async def use(batcher):
        callers = [asyncio.create_task(ask(batcher, [item])) for item in (1, 2)]
        await until(lambda: batches and batcher.depth == 1)
        (serving,) = (task for task in asyncio.all_tasks() if "_serve" in str(task.get_coro()))
        serving.cancel()
        gate.set()
        ran, waited = await asyncio.gather(*callers, return_exceptions=True)
        assert ran[0].result == 1
        assert isinstance(waited, ModelNotReady)
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
    cores=st.integers(1, 3),
    always_wide=st.booleans(),
    is_brief=st.booleans(),
    max_batch_size=st.integers(1, 6),
    max_queue=st.integers(1, 30),
    closes_early=st.booleans(),
)
def test_every_item_ends_at_its_caller_whatever_happens(
    callers, failing, cores, always_wide, is_brief, max_batch_size, max_queue, closes_early
) -> None:
    batches: list[tuple[list[int], int]] = []

    def run(items):
        if failing.intersection(items):
            raise EngineFailed
        return tenfold(items)

    async def use(batcher):
        tasks, number = [], 0
        for count, patience, turns in callers:
            items = list(range(number, number + count))
            number += count
            task = asyncio.create_task(ask(batcher, items))
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

    play(
        use,
        run=run,
        cores=cores,
        always_wide=always_wide,
        is_brief=is_brief,
        max_batch_size=max_batch_size,
        max_queue=max_queue,
        on_cores=batches,
    )
    assert all(1 <= len(batch) <= max_batch_size for batch, _ in batches)
    assert {number for _, number in batches} <= ({cores} if always_wide else {1, cores})
    ran = [item for batch, _ in batches for item in batch]
    assert len(ran) == len(set(ran))  # none twice
    if cores == 1 or always_wide:
        assert ran == sorted(ran)  # in their order, where they run one after the other


def test_a_lone_item_has_every_core() -> None:
    runs: list = []

    async def use(batcher):
        await ask(batcher, [1])
        await ask(batcher, [2])

    play(use, cores=3, on_cores=runs)
    assert runs == [([1], 3), ([2], 3)]


@pytest.mark.parametrize(
    ("asked", "options", "by_the_loop"),
    [
        ([[1]], {"is_brief": True}, True),
        ([[1]], {"is_brief": False}, False),
        ([[1, 2]], {"is_brief": True}, False),
        ([[1], [2], [3]], {"is_brief": True}, False),
    ],
    ids=["brief", "not brief", "two items", "others beside"],
)
def test_a_lone_item_runs_on_the_event_loop_where_that_is_brief(
    asked, options, by_the_loop
) -> None:
    threads = []

    def run(items):
        threads.append(threading.current_thread())
        return tenfold(items)

    async def use(batcher):
        found = await asyncio.gather(*[ask(batcher, items) for items in asked])
        assert [[ran.result for ran in one] for one in found] == [tenfold(one) for one in asked]

    play(use, run=run, cores=2, **options)
    assert {thread is threading.current_thread() for thread in threads} == {by_the_loop}


def test_a_brief_run_that_fails_is_told_and_the_next_one_runs() -> None:
    def run(items):
        if items == [1]:
            raise EngineFailed
        return tenfold(items)

    async def use(batcher):
        with pytest.raises(EngineFailed):
            await ask(batcher, [1])
        return await ask(batcher, [2])

    (ran,) = play(use, run=run, cores=2, is_brief=True)
    assert ran.result == 20


def test_a_brief_run_with_too_many_results_is_a_failure() -> None:
    async def use(batcher):
        with pytest.raises(InferenceFailed, match="2 results for 1 items"):
            await ask(batcher, [1])

    play(use, run=lambda items: [*items, 5], cores=2, is_brief=True)


def test_who_leaves_before_a_brief_run_begins_leaves_nothing_behind() -> None:
    runs: list = []

    async def use(batcher):
        asked = asyncio.create_task(ask(batcher, [1]))
        await until(lambda: batcher.depth)
        asked.cancel()
        await asyncio.wait([asked])
        await until(lambda: not batcher.depth)
        return await ask(batcher, [2])

    (ran,) = play(use, cores=2, is_brief=True, on_cores=runs)
    assert ran.result == 20
    assert runs == [([2], 2)]


def test_a_lone_item_is_finished_though_the_queue_closes_before_it_begins() -> None:
    async def use(batcher):
        asked = asyncio.create_task(ask(batcher, [1]))
        await until(lambda: batcher.depth)
        await batcher.close()
        return await asked

    (ran,) = play(use, cores=2, is_brief=True)
    assert ran.result == 10


def test_many_items_are_divided_among_the_cores_and_run_side_by_side() -> None:
    runs: list = []
    both_run = threading.Barrier(2, timeout=PATIENCE_SECONDS)

    def run(items):
        both_run.wait()
        return items

    play(lambda batcher: ask(batcher, list(range(6))), run=run, cores=2, on_cores=runs)
    assert sorted(runs) == [([0, 1, 2], 1), ([3, 4, 5], 1)]


def test_a_core_takes_no_more_than_its_share_of_what_is_under_way() -> None:
    """One runs and seven wait: four go to the other core, and the rest to who is free first."""
    run, gate, batches = closed_gate()

    async def use(batcher):
        with batcher.admitted(2):  # so that the first one is not alone
            first = asyncio.create_task(ask(batcher, [0]))
            await until(lambda: batches)
        others = [asyncio.create_task(ask(batcher, [item])) for item in range(1, 8)]
        await until(lambda: len(batches) == 2)
        gate.set()
        await asyncio.gather(first, *others)

    play(use, run=run, cores=2, max_batch_size=8)
    assert batches[:2] == [[0], [1, 2, 3, 4]]


def test_fewer_items_than_cores_run_as_one_batch_on_all_of_them() -> None:
    runs: list = []
    play(lambda batcher: ask(batcher, [1, 2, 3]), cores=4, on_cores=runs)
    assert runs == [([1, 2, 3], 4)]


def test_who_was_just_answered_and_asks_again_at_once_is_in_the_next_batch() -> None:
    sizes = []

    def run(items):
        sizes.append(len(items))
        return items

    async def caller(batcher, name):
        for turn in range(10):
            await ask(batcher, [(name, turn)])

    async def use(batcher):
        await asyncio.gather(*[caller(batcher, name) for name in range(4)])

    play(use, run=run, max_batch_size=8)
    assert sizes == [4] * 10


def test_callers_that_are_slow_to_ask_again_are_not_waited_for() -> None:
    run, gate, batches = closed_gate()

    async def use(batcher):
        with batcher.admitted(7):  # seven more are admitted, and do not come
            asking = asyncio.create_task(ask(batcher, [1]))
            await until(lambda: batches)
            gate.set()
            await asking

    play(use, run=run, max_batch_size=8)
    assert batches == [[1]]


def test_a_lane_that_is_always_wide_runs_one_batch_after_the_other_on_all_cores() -> None:
    runs: list = []
    play(lambda batcher: ask(batcher, list(range(6))), cores=2, always_wide=True, on_cores=runs)
    assert runs == [([0, 1, 2, 3], 2), ([4, 5], 2)]


def test_a_caller_who_leaves_the_queue_is_not_run() -> None:
    run, gate, batches = closed_gate()

    async def use(batcher):
        first = asyncio.create_task(ask(batcher, [0]))
        await until(lambda: batches)
        leaving, staying = (asyncio.create_task(ask(batcher, [item])) for item in (1, 2))
        await until(lambda: batcher.depth == 2)
        leaving.cancel()
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(first, staying)

    play(use, run=run)
    assert batches == [[0], [2]]


def test_who_could_not_be_answered_in_time_is_refused_at_once() -> None:
    def slow(items):
        time.sleep(0.02 * len(items))
        return items

    gate = threading.Event()

    async def use(batcher):
        await ask(batcher, [1, 2])  # teaches it what an item takes
        gate_run = asyncio.create_task(ask(batcher, list(range(40))))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match=r"which will take .* s, longer than the 0.1 s"):
            await ask(batcher, [1], patience_seconds=0.1)
        assert batcher.admission.expected_seconds(40) >= 40 * 0.02
        gate.set()
        await gate_run

    play(use, run=slow)


def test_how_long_to_stay_away_follows_from_what_waits_and_how_long_it_takes() -> None:
    run, gate, batches = closed_gate()

    def timed(items):
        time.sleep(0.1 * len(items))
        return items if len(items) == 1 and not batches and not gate.is_set() else run(items)

    async def use(batcher):
        await ask(batcher, [1])
        under_way = asyncio.create_task(ask(batcher, list(range(50))))
        await until(lambda: batches)
        with pytest.raises(Overloaded) as overloaded:
            await ask(batcher, [1])
        gate.set()
        assert 50 * 0.1 / 2 <= overloaded.value.retry_after_seconds < 60
        under_way.cancel()

    play(use, run=timed, max_queue=50, max_batch_size=2)
