"""A model is closed when its last holder let it go, and not before."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.batch_sizes import BatchSizes
from service.bundle import read_bundle
from service.contract import GOLDEN_FILE
from service.cores import Cores
from service.decoding import ImageLimits
from service.engine import Engine
from service.errors import ModelNotReady
from service.golden import Golden
from service.precision import PrecisionChoice
from service.served_model import ServedModel

PATIENCE_SECONDS = 20
IMAGE = np.zeros((3, 32, 32), np.float32)


def play(use: Callable, bundle: Path) -> None:
    """Let `use` work with a model, then close it; nothing may hang, nor hold what it computes with.

    The model itself may still be known: to whom it was closed for, or to a thread that ran it.
    """

    async def serve() -> None:
        engine = Engine(read_bundle(bundle), threads=1)
        sessions = weakref.WeakSet(engine._sessions._open_ones.values())
        golden = Golden.load(engine.bundle.path(GOLDEN_FILE))
        model = ServedModel(engine, golden, BatchSizes.up_to(1), PrecisionChoice("fp32"))
        model.start(Cores(1), limits=ImageLimits(), max_queue=4, max_passes=4)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await use(model)
            await model.close()
        assert not model.is_alive
        assert not sessions
        with pytest.raises(ModelNotReady, match="closed"):
            engine.classify(IMAGE[None])

    asyncio.run(serve())


async def hold(model: ServedModel, until: asyncio.Event) -> None:
    with model.held():
        await until.wait()


async def settle() -> None:
    """Let everything go on that can."""
    for _ in range(5):
        await asyncio.sleep(0)


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_a_model_is_open_while_anybody_holds_it_and_closed_after(tiny_bundle, data) -> None:
    steps = data.draw(st.lists(st.sampled_from(["hold", "leave", "cancel", "turn"]), max_size=12))

    async def use(model: ServedModel) -> None:
        holders: list[tuple[asyncio.Task[None], asyncio.Event]] = []

        async def take_hold() -> None:
            may_leave = asyncio.Event()
            holders.append((asyncio.create_task(hold(model, may_leave)), may_leave))
            await asyncio.sleep(0)

        await take_hold()
        closing = asyncio.create_task(model.close())
        for step in steps:
            if not holders:
                break  # after the last one, none comes: the model is found no more
            holder, may_leave = holders[-1]
            if step == "hold":
                await take_hold()
            elif step == "turn":
                await settle()
            else:
                holders.pop()
                may_leave.set() if step == "leave" else holder.cancel()
            if holders:
                assert not closing.done()
                assert model.is_alive
        for holder, _ in holders:
            holder.cancel()
        await closing

    play(use, tiny_bundle)


def test_a_holder_is_answered_while_the_model_is_being_closed(tiny_bundle) -> None:
    async def use(model: ServedModel) -> None:
        with model.held():
            closing = asyncio.create_task(model.close())
            await settle()
            (ran,) = await model.classify([IMAGE])
            assert ran.result.logits.shape == (3,)
        await closing

    play(use, tiny_bundle)


def test_a_model_whose_closing_is_cancelled_goes_on(tiny_bundle) -> None:
    async def use(model: ServedModel) -> None:
        with model.held():
            closing = asyncio.create_task(model.close())
            await settle()
            closing.cancel()
            await asyncio.gather(closing, return_exceptions=True)
        await settle()
        assert model.is_alive
        assert len(await model.classify([IMAGE])) == 1

    play(use, tiny_bundle)
