"""Whose turn it is to compute: the oldest first, and never on more cores than there are."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.service.on_cores import PATIENCE_SECONDS, play
from tests.service.waiting import until


def test_who_waited_longest_is_served_first() -> None:
    served: list[int] = []

    async def use(cores):
        await cores.take(2, since=0)

        async def wait(since):
            await cores.take(1, since)
            served.append(since)
            cores.release(1)

        waiting = [asyncio.create_task(wait(since)) for since in (3, 1, 2)]
        await asyncio.sleep(0)
        cores.release(2)
        await asyncio.gather(*waiting)

    play(use)
    assert served == [1, 2, 3]


def test_who_wants_all_is_not_passed_by_who_came_later() -> None:
    served: list[str] = []

    async def use(cores):
        await cores.take(1, since=0)

        async def wait(name, number, since):
            await cores.take(number, since)
            served.append(name)
            cores.release(number)

        every = asyncio.create_task(wait("all", 2, since=1))
        await asyncio.sleep(0)
        later = asyncio.create_task(wait("one", 1, since=2))
        await asyncio.sleep(0)
        assert served == []  # a core is free, but it is kept for the older one
        cores.release(1)
        await asyncio.gather(every, later)

    play(use)
    assert served == ["all", "one"]


def test_the_rest_can_be_taken_without_waiting() -> None:
    async def use(cores):
        await cores.take(1, since=0)
        assert cores.take_rest() == 2
        assert (cores.free, cores.take_rest()) == (0, 0)
        cores.release(3)
        assert cores.free == 3

    play(use, number=3)


def test_who_leaves_a_place_free_waits_for_one_more_and_is_not_passed_by() -> None:
    served: list[str] = []

    async def use(cores):
        await cores.take(1, since=0, leaving=1)
        await cores.take(1, since=0, leaving=1)
        assert cores.free == 1

        async def wait(name, since, leaving):
            await cores.take(1, since, leaving)
            served.append(name)

        long = asyncio.create_task(wait("long", 1, leaving=1))
        await asyncio.sleep(0)
        short = asyncio.create_task(wait("short", 2, leaving=0))
        await asyncio.sleep(0)
        assert served == []
        cores.release(1)
        await asyncio.gather(long, short)

    play(use, number=3)
    assert served == ["long", "short"]


def test_work_whose_caller_left_keeps_its_core_until_it_ends() -> None:
    gate = threading.Event()

    async def use(cores):
        working = asyncio.create_task(cores.run(lambda: gate.wait(PATIENCE_SECONDS), since=0))
        while cores.free:
            await asyncio.sleep(0)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        assert cores.free == 0
        gate.set()
        await cores.take(1, since=1)

    play(use, number=1)


def test_work_that_ends_after_its_event_loop_is_no_failure(caplog) -> None:
    gate = threading.Event()

    async def use(cores):
        cores.submit(lambda: gate.wait(PATIENCE_SECONDS), lambda result: None)

    play(use, number=1)
    with caplog.at_level("DEBUG", "vitrine"):
        gate.set()
        until(lambda: "after its event loop" in caplog.text)
    assert "failed" not in caplog.text


def test_an_error_of_the_work_reaches_its_caller_and_frees_the_core() -> None:
    async def use(cores):
        with pytest.raises(ZeroDivisionError):
            await cores.run(lambda: 1 // 0, since=0)
        await cores.take(1, since=1)

    play(use, number=1)


@settings(deadline=None, max_examples=60)
@given(
    number=st.integers(1, 4),
    takers=st.lists(
        st.tuples(st.integers(1, 4), st.integers(0, 9), st.integers(0, 3), st.booleans()),
        max_size=12,
    ),
)
def test_never_more_are_held_than_there_are_and_all_come_back(number, takers) -> None:
    async def use(cores):
        held = 0

        async def hold(wanted, since, turns):
            nonlocal held
            await cores.take(wanted, since)
            held += wanted
            assert held <= number
            try:
                for _ in range(turns):
                    await asyncio.sleep(0)
            finally:
                held -= wanted
                cores.release(wanted)

        tasks = []
        for wanted, since, turns, leaves in takers:
            task = asyncio.create_task(hold(min(wanted, number), since, turns))
            tasks.append(task)
            for _ in range(turns):
                await asyncio.sleep(0)
            if leaves:
                task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(end is None or isinstance(end, asyncio.CancelledError) for end in ended)
        assert cores.free == number
        assert not cores.are_wanted

    play(use, number)
