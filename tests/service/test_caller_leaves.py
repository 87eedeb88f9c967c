"""A caller who leaves: its work is cancelled, and nothing else is."""

from __future__ import annotations

import asyncio

import pytest

from service.errors import CallerGone
from service.routes import stages
from service.routes.stages import while_connected

PATIENCE_SECONDS = 20


class Caller:
    """What a route needs of a request: it receives nothing until the caller leaves."""

    def __init__(self) -> None:
        self.left = asyncio.get_running_loop().create_future()

    async def receive(self):
        await self.left
        return {"type": "http.disconnect"}

    def leave(self) -> None:
        self.left.set_result(None)


def play(use):
    async def bounded():
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await use(Caller())

    return asyncio.run(bounded())


@pytest.fixture(autouse=True)
def watched_at_once(monkeypatch):
    monkeypatch.setattr(stages, "UNWATCHED_SECONDS", 0)


async def result_of(future):
    return await future


def test_work_is_cancelled_when_its_caller_leaves() -> None:
    async def use(caller):
        work = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.01, caller.leave)
        with pytest.raises(CallerGone):
            await while_connected(caller, result_of(work))
        assert work.cancelled()
        await asyncio.sleep(0)  # a route may go on, to answer nobody

    play(use)


@pytest.mark.parametrize("turns", range(5))
def test_a_caller_who_leaves_as_the_work_ends_disturbs_nothing_that_follows(turns) -> None:
    async def use(caller):
        loop = asyncio.get_running_loop()
        work = loop.create_future()

        def end(left):
            if left:
                loop.call_soon(end, left - 1)
            else:
                work.set_result("done")

        def both():
            caller.leave()
            end(turns)

        loop.call_later(0.01, both)
        try:
            found = await while_connected(caller, result_of(work))
        except CallerGone:
            found = "gone"
        for _ in range(5):
            await asyncio.sleep(0)
        return found

    assert play(use) in ("done", "gone")
