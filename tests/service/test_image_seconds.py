"""How long an image takes decides where it runs, and never what the answer is."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from service import registry
from service.batch_sizes import BatchSizes
from service.bundle import read_bundle
from service.contract import GOLDEN_FILE
from service.cores import Cores
from service.decoding import ImageLimits
from service.engine import Engine
from service.golden import Golden
from service.precision import PrecisionChoice
from service.registry import open_model
from service.served_model import BRIEF_SECONDS, LONG_SECONDS, ServedModel
from tests.service.pictures import draw, encode

PATIENCE_SECONDS = 20
PNG = encode(draw())


class Watched(Engine):
    """Notes on which thread each run is, and how many go on at the same time."""

    def __init__(self, bundle: Path) -> None:
        super().__init__(read_bundle(bundle), threads=2)
        self.threads_used: list[threading.Thread] = []
        self.at_once, self.most_at_once, self.lock = 0, 0, threading.Lock()
        self.awaited, self.met = 0, threading.Event()

    def run(self, *arguments, **options):
        with self.lock:
            self.threads_used.append(threading.current_thread())
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            if self.at_once >= self.awaited:
                self.met.set()
        self.met.wait(PATIENCE_SECONDS / 4)
        time.sleep(0.05)  # one more than awaited would come in this time
        try:
            return super().run(*arguments, **options)
        finally:
            with self.lock:
                self.at_once -= 1


@pytest.fixture
def engine(tiny_bundle: Path) -> Watched:
    return Watched(tiny_bundle)


def classify(engine: Engine, image_seconds: float, callers: int) -> list:
    """Let so many callers classify the picture at the same time on two CPUs and a place more."""

    async def serve() -> list:
        golden = Golden.load(engine.bundle.path(GOLDEN_FILE))
        choice = PrecisionChoice("fp32")
        model = ServedModel(engine, golden, BatchSizes.up_to(1), choice, image_seconds)
        cores = Cores(2, spare=1)
        model.start(cores, limits=ImageLimits(), max_queue=64, max_passes=64)
        async with asyncio.timeout(PATIENCE_SECONDS):
            found = await asyncio.gather(*[model.classify([PNG]) for _ in range(callers)])
            await model.close()
        cores.close()
        return [ran.result for (ran,) in found]

    return asyncio.run(serve())


@pytest.mark.parametrize(
    ("image_seconds", "by_the_loop"),
    [(BRIEF_SECONDS, True), (2 * BRIEF_SECONDS, False), (0.0, False)],
    ids=["brief", "not brief", "a device's"],
)
def test_a_lone_brief_image_runs_on_the_event_loop(engine, image_seconds, by_the_loop) -> None:
    classify(engine, image_seconds, callers=1)
    (used,) = engine.threads_used
    assert (used is threading.current_thread()) == by_the_loop


@pytest.mark.parametrize(
    ("image_seconds", "at_once"),
    [(LONG_SECONDS, 3), (2 * LONG_SECONDS, 2)],
    ids=["with the place beyond the CPUs", "long"],
)
def test_long_images_run_on_no_more_places_than_there_are_cpus(
    engine, image_seconds, at_once
) -> None:
    engine.awaited = at_once
    classify(engine, image_seconds, callers=at_once + 1)  # too few for a crowd
    assert engine.most_at_once == at_once


def test_all_of_them_give_the_same_answers(tiny_bundle: Path) -> None:
    first, *others = [
        found
        for image_seconds in (BRIEF_SECONDS, 2 * BRIEF_SECONDS, 2 * LONG_SECONDS)
        for callers in (1, 4)
        for found in classify(Watched(tiny_bundle), image_seconds, callers)
    ]
    assert len(others) == 14
    for found in others:
        np.testing.assert_allclose(found.logits, first.logits, rtol=0, atol=1e-5)


def test_a_model_that_is_opened_knows_how_long_its_image_takes(tiny_bundle: Path) -> None:
    model = open_model(tiny_bundle, provider="cpu", threads=1, max_batch_size=2)
    assert 0 < model.image_seconds < 1


@pytest.mark.parametrize(
    ("image_seconds", "sizes"), [(LONG_SECONDS, (1, 2, 3, 4, 6, 8)), (2 * LONG_SECONDS, (1, 2))]
)
def test_a_long_image_shares_a_batch_only_where_that_makes_it_faster(
    tiny_bundle: Path, monkeypatch, image_seconds, sizes
) -> None:
    monkeypatch.setattr(registry, "cpu_seconds", lambda engine, size: image_seconds)
    model = open_model(tiny_bundle, provider="cpu", threads=1, max_batch_size=8)
    assert model.sizes.allowed == sizes
