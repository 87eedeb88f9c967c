"""Which model answers, after a roll-back too, and what becomes of a model that leaves."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from service.cores import Cores
from service.decoding import ImageLimits
from service.errors import ContractError, ModelNotFound, ModelNotReady, NothingToRollBackTo
from service.registry import Registry, open_model
from service.served_model import ServedModel
from tests.service.renewed import renew

PATIENCE_SECONDS = 20


def opened(bundle: Path) -> ServedModel:
    return open_model(bundle, provider="cpu", threads=1, max_batch_size=1)


def start(model: ServedModel) -> None:
    model.start(Cores(1), limits=ImageLimits(), max_queue=4, max_passes=4)


def play(use: Callable, bundles: list[Path], default_model: str = "") -> None:
    """Let `use` work with a registry that serves bundles; nothing may hang."""

    async def serve() -> None:
        registry = Registry(default_model)
        registry.serve([opened(bundle) for bundle in bundles], start)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await use(registry)
            await registry.close()

    asyncio.run(serve())


@pytest.fixture
def versions(copy_bundle) -> list[Path]:
    return [copy_bundle(version=version) for version in ("1", "2", "3")]


def test_an_empty_registry_is_not_ready() -> None:
    registry = Registry()
    assert not registry.is_ready
    with pytest.raises(ModelNotReady, match="try again"):
        registry.get()


def test_each_roll_back_goes_to_the_version_before_as_long_as_there_is_one(versions) -> None:
    async def use(registry: Registry) -> None:
        assert registry.roll_back("tiny").contract.version == "3"
        assert registry.get("tiny").contract.version == "2"
        assert registry.roll_back("tiny").contract.version == "2"
        assert registry.get().contract.version == "1"
        with pytest.raises(NothingToRollBackTo, match="tiny 1 is the only version of tiny"):
            registry.roll_back("tiny")
        assert registry.get("tiny", "3").contract.version == "3"

    play(use, versions)


def test_a_model_that_is_not_served_cannot_be_rolled_back(tiny_bundle) -> None:
    async def use(registry: Registry) -> None:
        with pytest.raises(ModelNotFound, match="huge is not served; there are tiny 1"):
            registry.roll_back("huge")

    play(use, [tiny_bundle])


def test_another_bundle_of_a_version_that_was_withdrawn_answers(versions) -> None:
    async def use(registry: Registry) -> None:
        registry.roll_back("tiny")
        renew(versions[2], "mended")
        registry.serve([*registry.models[1:], opened(versions[2])], start)
        assert registry.get().contract.version == "3"

    play(use, versions)


def test_a_withdrawn_version_answers_where_no_other_is_left(versions) -> None:
    async def use(registry: Registry) -> None:
        registry.roll_back("tiny")
        registry.serve(registry.models[:1], start)
        assert registry.get().contract.version == "3"

    play(use, versions)


@pytest.mark.parametrize(
    ("default_model", "left", "words"),
    [
        ("", lambda models: [], "no model would be left"),
        ("tiny", lambda models: models[:1], "default_model 'tiny' is not served; there are other"),
        ("", lambda models: [*models, *models], "are both"),
    ],
)
def test_what_cannot_be_served_changes_nothing(
    copy_bundle, tiny_bundle, default_model, left, words
) -> None:
    async def use(registry: Registry) -> None:
        before = registry.models
        with pytest.raises(ContractError, match=words):
            registry.serve(left(before), start)
        assert registry.models == before
        assert registry.is_ready

    play(use, [copy_bundle(name="other"), tiny_bundle], default_model)


def test_nothing_holds_a_model_that_left_and_was_closed(versions) -> None:
    async def use(registry: Registry) -> None:
        model = registry.get("tiny", "3")
        with model.held():
            await model.classify([np.zeros((3, 32, 32), np.float32)])
        left = weakref.ref(model)
        del model
        gc.disable()  # memory must not wait for the collector of cycles
        registry.serve(registry.models[1:], start)
        await asyncio.gather(*registry._leaving)
        while left() is not None:  # the thread that ran it last may not have ended its turn
            await asyncio.sleep(0.005)

    try:
        play(use, versions)
    finally:
        gc.enable()
