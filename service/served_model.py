"""One model that is served: its engine, and a queue for each kind of work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Self

import numpy as np

from service.batching import Batcher, Ran
from service.contract import Contract
from service.engine import Arrays, Engine, Floats, GraphName, check_finite
from service.errors import (
    InferenceFailed,
    Overloaded,
)
from service.explanation.passes import Pass, run_passes_apart
from service.golden import REPLAYS, Golden
from service.precision import PrecisionChoice

OnBatch = Callable[[str, int], None]


@dataclass(frozen=True)
class Classified:
    """The classify graph's answer for one image: logits [C] and readout [d]."""

    logits: Floats
    readout: Floats


Lane = Literal["classify", "explain", "study"]
PASSES_AT_ONCE = 64  # of one request that wait in the lane study, so that others find room


class ServedModel:
    """A verified model with a queue for each kind of work, its lanes.

    `classify` takes images, `explain` the single passes of quick explanations, `study` the many
    passes of thorough ones, which must not hold up the others. Invariant: one run at a time, on one
    thread of its own, so that runs do not compete for CPUs; the lanes take turns.
    """

    def __init__(self, engine: Engine, golden: Golden, precision: PrecisionChoice) -> None:
        self.engine = engine
        self.precision = precision
        self._golden = golden
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self._verified: set[GraphName] = set()
        self._holders = 0
        self._is_let_go = asyncio.Event()
        self._is_let_go.set()
        self._max_batch_size = 1
        self._studies_left = 0
        self.passes_at_once = PASSES_AT_ONCE
        self._classify: Batcher[Floats, Classified] | None = None
        self._passes: dict[Lane, Batcher[Pass, Arrays]] = {}

    @property
    def contract(self) -> Contract:
        """What the bundle states."""
        return self.engine.bundle.contract

    @property
    def digest(self) -> str:
        """The digest that names these very weights, graphs and rules."""
        return self.engine.bundle.digest

    @property
    def queue_depths(self) -> dict[Lane, int]:
        """What waits for the engine, by lane: images, or passes."""
        return {lane: batcher.depth for lane, batcher in self._lanes.items()}

    @property
    def is_alive(self) -> bool:
        """Whether the queues accept images."""
        return bool(self._lanes) and all(batcher.is_alive for batcher in self._lanes.values())

    @property
    def _lanes(self) -> dict[Lane, Batcher[Any, Any]]:
        return {"classify": self._classify, **self._passes} if self._classify else {}

    def start(
        self, *, max_batch_size: int, max_queue: int, max_passes: int, on_batch: OnBatch
    ) -> None:
        """Open the queues; called on the event loop that will serve them."""
        self._max_batch_size = max_batch_size
        self._classify = Batcher(
            self._run_classify,
            self._executor,
            max_batch_size=max_batch_size,
            max_queue=max_queue,
            on_batch=lambda size: on_batch("classify", size),
        )
        self.passes_at_once = min(PASSES_AT_ONCE, max_passes)
        self._studies_left = max_passes // self.passes_at_once
        limits: dict[Lane, int] = {"explain": max_queue, "study": max_passes}
        self._passes = {
            lane: Batcher(
                self._run_passes,
                self._executor,
                max_batch_size=max_batch_size,
                max_queue=limit,
                what="images" if lane == "explain" else "passes",
                on_batch=partial(on_batch, lane),
            )
            for lane, limit in limits.items()
        }

    async def classify(self, images: Sequence[Floats]) -> list[Ran[Classified]]:
        """Classify images [3, rows, columns] together. Raises what `Batcher.submit` raises."""
        assert self._classify is not None
        return await self._classify.submit(images)

    @contextmanager
    def study(self) -> Iterator[None]:
        """Hold a place for a request whose passes go by the lane `study`, a few at a time.

        Who has one is not refused later. Raises Overloaded when there is none left.
        """
        if not self._studies_left:
            raise Overloaded("as many thorough explanations as may be are under way; try again")
        self._studies_left -= 1
        try:
            yield
        finally:
            self._studies_left += 1

    async def walk(self, passes: Sequence[Pass], lane: Lane) -> list[Ran[Arrays]]:
        """Run passes through the graphs of explanations. Raises what `Batcher.submit` raises."""
        return await self._passes[lane].submit(passes)

    @contextmanager
    def held(self) -> Iterator[Self]:
        """Keep the model open until the block ends."""
        self._holders += 1
        self._is_let_go.clear()
        try:
            yield self
        finally:
            self._holders -= 1
            if not self._holders:
                self._is_let_go.set()

    async def close(self) -> None:
        """Wait for those who hold the model, finish what was accepted, then stop."""
        await self._is_let_go.wait()
        for batcher in self._lanes.values():
            await batcher.close()
        self._executor.shutdown(wait=False)

    def _run_classify(self, images: Sequence[Floats]) -> list[Classified | InferenceFailed]:
        inputs = {"pixel_values": np.stack(images)}
        outputs = self.engine.run("classify", inputs, ("logits", "readout"))
        return [
            _classified(*rows) for rows in zip(outputs["logits"], outputs["readout"], strict=True)
        ]

    def _run_passes(self, passes: Sequence[Pass]) -> list[Arrays | InferenceFailed]:
        for graph in {one.graph for one in passes} - self._verified:
            REPLAYS[graph](self.engine, self._golden)
            self._verified.add(graph)
        return run_passes_apart(self.engine, passes, self._max_batch_size)


def _classified(logits: Floats, readout: Floats) -> Classified | InferenceFailed:
    try:
        check_finite({"logits": logits, "readout": readout})
    except InferenceFailed as failure:
        return failure
    return Classified(logits, readout)
