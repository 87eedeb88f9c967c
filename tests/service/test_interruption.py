"""A block that is interrupted ends with its own error, once, and nothing else is disturbed."""

from __future__ import annotations

import asyncio

import pytest

from service.interruption import Interruption, TimeLimit


class Late(Exception):
    """The outer block's error."""


class Gone(Exception):
    """The inner block's error."""


def soon(action) -> None:
    asyncio.get_running_loop().call_soon(action)


def is_cancelled() -> bool:
    return bool(asyncio.current_task().cancelling())


async def ends(error: type[Exception], block) -> None:
    """See a block end with an error, and the task go on as if nobody had cancelled it."""
    with pytest.raises(error):
        await block()
    assert not is_cancelled()
    await asyncio.sleep(0)


def test_what_is_awaited_is_cancelled_and_the_error_is_the_blocks_own() -> None:
    async def interrupted(awaited):
        with Interruption(Late) as block:
            soon(block.interrupt)
            await awaited

    async def use():
        awaited = asyncio.get_running_loop().create_future()
        with pytest.raises(Late) as raised:
            await interrupted(awaited)
        assert awaited.cancelled()
        assert raised.value.__cause__ is None
        await asyncio.sleep(0)  # the task goes on
        assert not is_cancelled()

    asyncio.run(use())


def test_of_two_blocks_the_one_that_was_interrupted_raises() -> None:
    async def use(which: int):
        with Interruption(Late) as outer, Interruption(Gone) as inner:
            soon((outer, inner)[which].interrupt)
            await asyncio.sleep(60)

    with pytest.raises(Late):
        asyncio.run(use(0))
    with pytest.raises(Gone):
        asyncio.run(use(1))


def test_of_two_that_are_interrupted_together_the_outer_raises() -> None:
    async def interrupted():
        with Interruption(Late) as outer, Interruption(Gone) as inner:
            soon(inner.interrupt)
            soon(outer.interrupt)
            await asyncio.sleep(60)

    asyncio.run(ends(Late, interrupted))


def test_who_is_cancelled_from_outside_as_well_stays_cancelled() -> None:
    async def use():
        task = asyncio.current_task()
        with Interruption(Late) as block:
            soon(block.interrupt)
            soon(task.cancel)
            await asyncio.sleep(60)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(use())


def test_an_error_of_the_block_itself_passes_and_no_cancellation_is_left() -> None:
    async def failing():
        with Interruption(Late) as block:
            soon(block.interrupt)
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise ZeroDivisionError from None

    asyncio.run(ends(ZeroDivisionError, failing))


def test_a_block_that_has_ended_is_not_interrupted() -> None:
    async def use():
        with Interruption(Late) as block:
            pass
        soon(block.interrupt)
        await asyncio.sleep(0.001)

    asyncio.run(use())


def test_who_was_cancelled_before_and_went_on_can_be_interrupted() -> None:
    async def interrupted():
        with Interruption(Late) as block:
            soon(block.interrupt)
            await asyncio.sleep(60)

    async def use():
        asyncio.current_task().cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(0)
        with pytest.raises(Late):
            await interrupted()

    asyncio.run(use())


def test_a_block_is_interrupted_once() -> None:
    async def interrupted():
        with Interruption(Late) as block:
            soon(block.interrupt)
            soon(block.interrupt)
            await asyncio.sleep(60)

    asyncio.run(ends(Late, interrupted))


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 0.01])
def test_a_time_limit_ends_what_takes_longer(seconds) -> None:
    async def use():
        with pytest.raises(Late), TimeLimit(seconds, Late):
            await asyncio.sleep(60)

    asyncio.run(use())


def test_a_time_limit_leaves_what_is_done_in_time() -> None:
    async def use():
        with TimeLimit(0.02, Late) as limit:
            await asyncio.sleep(0)
        assert limit.timer.cancelled()  # else it would be kept until then, and the task with it
        await asyncio.sleep(0.05)

    asyncio.run(use())
