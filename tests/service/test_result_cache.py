"""What is kept stays within its bound, and what is asked at once is computed once."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import InferenceFailed
from service.result_cache import Made, ResultCache

PATIENCE_SECONDS = 20
KEYS = ("a", "b", "c")
MAX_BYTES = 100
LARGEST = 120


class Broken(Exception):
    pass


class Kitchen:
    """Makes what it is asked for when it is told to, and watches the invariants meanwhile."""

    def __init__(self, cache: ResultCache) -> None:
        self.cache = cache
        self.begun: Counter[str] = Counter()
        self.stopped: Counter[str] = Counter()
        self.under_way: dict[str, asyncio.Future[Made[str]]] = {}

    def ask(self, key: str, stop_turns: int = 0) -> asyncio.Task[tuple[str, str]]:
        """Ask for a key; the work takes some turns of the loop to stop when it is cancelled."""

        async def make() -> Made[str]:
            assert key not in self.under_way, "two computations of one key at once"
            self.begun[key] += 1
            self.under_way[key] = asyncio.get_running_loop().create_future()
            try:
                return await self.under_way[key]
            except asyncio.CancelledError:
                self.stopped[key] += 1
                for _ in range(stop_turns):
                    await asyncio.sleep(0)
                raise
            finally:
                del self.under_way[key]

        return asyncio.create_task(self.cache.answer(key, make))

    def finish(self, key: str, size_bytes: int | None = 10) -> None:
        self.under_way[key].set_result(Made(key.upper(), size_bytes))

    def fail(self, key: str) -> None:
        self.under_way[key].set_exception(Broken(key))


async def settle() -> None:
    """Let everything go on that can."""
    for _ in range(10):
        await asyncio.sleep(0)


def play(use, max_bytes=MAX_BYTES):
    async def bounded():
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await use(Kitchen(ResultCache(max_bytes)))

    return asyncio.run(bounded())


async def cook(kitchen: Kitchen, key: str, size_bytes: int | None = 10) -> str:
    """Ask for a key, let it be made where it must be, and say how it came."""
    asked = kitchen.ask(key)
    await settle()
    if key in kitchen.under_way:
        kitchen.finish(key, size_bytes)
    value, outcome = await asked
    assert value == key.upper()
    return outcome


STEPS = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from(KEYS), st.integers(0, 3)),
    st.tuples(st.just("leave"), st.integers(0, 9), st.none()),
    st.tuples(st.just("finish"), st.sampled_from(KEYS), st.none() | st.integers(0, LARGEST)),
    st.tuples(st.just("fail"), st.sampled_from(KEYS), st.none()),
    st.tuples(st.just("turn"), st.none(), st.none()),
    st.tuples(st.just("settle"), st.none(), st.none()),
)


@settings(deadline=None, max_examples=200)
@given(steps=st.lists(STEPS, max_size=40))
def test_under_any_interleaving_each_key_is_made_once_at_a_time_and_nobody_hangs(steps) -> None:
    async def use(kitchen: Kitchen) -> None:
        asked: list[tuple[str, asyncio.Task[tuple[str, str]]]] = []
        left: list[asyncio.Task[tuple[str, str]]] = []
        for name, what, more in steps:
            if name == "ask":
                asked.append((what, kitchen.ask(what, more)))
            elif name == "leave" and asked:
                _, task = asked.pop(what % len(asked))
                task.cancel()
                left.append(task)
            elif name in ("finish", "fail"):
                if what in kitchen.under_way and not kitchen.under_way[what].done():
                    kitchen.finish(what, more) if name == "finish" else kitchen.fail(what)
            elif name == "turn":
                await asyncio.sleep(0)
            elif name == "settle":
                await settle()
                waited_for = {key for key, task in asked if not task.done()}
                assert set(kitchen.under_way) == waited_for
            assert 0 <= kitchen.cache.held_bytes <= kitchen.cache.max_bytes
        while not all(task.done() for _, task in asked):
            await settle()
            for key, future in kitchen.under_way.items():
                if not future.done():
                    kitchen.finish(key)
        for key, task in asked:
            if task.exception() is None:
                assert task.result()[0] == key.upper()
            else:
                assert isinstance(task.exception(), Broken)
        await asyncio.gather(*left, return_exceptions=True)
        assert not kitchen.under_way
        assert kitchen.cache.held_bytes <= kitchen.cache.max_bytes

    play(use)


@settings(deadline=None, max_examples=50)
@given(made=st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(1, LARGEST)), max_size=30))
def test_what_is_kept_is_what_was_used_last_as_far_as_it_fits(made) -> None:
    async def use(kitchen: Kitchen) -> None:
        expected: dict[str, int] = {}  # the last was used last
        for key, size_bytes in made:
            outcome = await cook(kitchen, key, size_bytes)
            assert outcome == ("hit" if key in expected else "miss")
            kept = expected.pop(key, size_bytes)
            if kept <= MAX_BYTES:
                expected[key] = kept
            while sum(expected.values()) > MAX_BYTES:
                del expected[next(iter(expected))]
            assert kitchen.cache.held_bytes == sum(expected.values())
            assert len(kitchen.cache) == len(expected)

    play(use)


def test_those_who_ask_the_same_at_once_share_one_computation() -> None:
    async def use(kitchen: Kitchen) -> None:
        asked = [kitchen.ask("a") for _ in range(3)]
        await settle()
        kitchen.finish("a")
        assert await asyncio.gather(*asked) == [("A", "miss"), ("A", "shared"), ("A", "shared")]
        assert kitchen.begun["a"] == 1
        assert await kitchen.ask("a") == ("A", "hit")

    play(use)


@pytest.mark.parametrize("leaver", [0, 1])
def test_one_who_leaves_does_not_stop_the_work_of_another(leaver) -> None:
    async def use(kitchen: Kitchen) -> None:
        asked = [kitchen.ask("a") for _ in range(2)]
        await settle()
        asked.pop(leaver).cancel()
        await settle()
        kitchen.finish("a")
        assert (await asked[0])[0] == "A"
        assert not kitchen.stopped["a"]

    play(use)


def test_when_all_have_left_the_work_has_stopped_and_nothing_is_kept() -> None:
    async def use(kitchen: Kitchen) -> None:
        asked = [kitchen.ask("a", stop_turns=3) for _ in range(2)]
        await settle()
        for task in asked:
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked[1]
        assert kitchen.stopped["a"] == 1
        assert not kitchen.under_way
        assert await cook(kitchen, "a") == "miss"

    play(use)


def test_one_who_comes_while_the_work_stops_has_it_done_anew() -> None:
    async def use(kitchen: Kitchen) -> None:
        first = kitchen.ask("a", stop_turns=5)
        await settle()
        first.cancel()
        await asyncio.sleep(0)
        assert "a" in kitchen.under_way
        assert await cook(kitchen, "a") == "miss"
        assert kitchen.begun["a"] == 2

    play(use)


def test_a_failure_is_told_to_all_who_wait_and_is_not_kept() -> None:
    async def use(kitchen: Kitchen) -> None:
        asked = [kitchen.ask("a") for _ in range(2)]
        await settle()
        kitchen.fail("a")
        ended = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(error) for error in ended] == [Broken, Broken]
        assert await cook(kitchen, "a") == "miss"

    play(use)


def test_a_result_that_is_not_to_be_kept_is_shared_all_the_same() -> None:
    async def use(kitchen: Kitchen) -> None:
        asked = [kitchen.ask("a") for _ in range(2)]
        await settle()
        kitchen.finish("a", size_bytes=None)
        assert [outcome for _, outcome in await asyncio.gather(*asked)] == ["miss", "shared"]
        assert await cook(kitchen, "a") == "miss"

    play(use)


def test_who_may_not_begin_is_refused_alone() -> None:
    async def use(kitchen: Kitchen) -> None:
        def refuse():
            raise Broken

        with pytest.raises(Broken):
            await kitchen.cache.answer("a", refuse)
        assert await cook(kitchen, "a") == "miss"

    play(use)


def test_work_that_somebody_else_cancels_is_a_failure_and_no_cancellation_of_those_who_wait() -> (
    None
):
    async def use(kitchen: Kitchen) -> None:
        asked = kitchen.ask("a")
        await settle()
        kitchen.under_way["a"].cancel()
        with pytest.raises(InferenceFailed, match="stopped; try again"):
            await asked

    play(use)
