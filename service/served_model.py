"""One model that is served: its engine, and a queue for each kind of work."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, Self

import numpy as np

from service.batch_sizes import BatchSizes
from service.batching import Batcher, Ran
from service.classify import Ranking, rankings
from service.contract import Contract
from service.cores import Cores
from service.engine import Arrays, Engine, Floats, GraphName, check_finite
from service.errors import InferenceFailed, Overloaded, PayloadTooLarge, VitrineError
from service.explanation.passes import Pass, run_passes_apart
from service.golden import REPLAYS, Golden
from service.precision import PrecisionChoice
from service.preprocess import ImageFacts, ImageLimits, Prepared, prepare

OnBatch = Callable[[str, int, int], None]  # from the lane, the images run, and the size they ran as
Lane = Literal["classify", "explain", "study"]
PASSES_AT_ONCE = 64  # of one request that wait in the lane study, so that others find room
DECODED_IN_BATCH_BYTES = 64 * 1024  # larger pictures would hold up the others of their batch
DECODED_IN_BATCH_PIXELS = 1_000_000  # as many in few bytes: a flat PNG takes 12 to 25 ms for them


@dataclass(frozen=True)
class Classified:
    """The classify graph's answer for one image: logits [C], their ranking and readout [d].

    `image` tells of the picture where one was decoded; the seconds are its decoding's and its
    batch's run's.
    """

    logits: Floats
    ranking: Ranking
    readout: Floats
    image: ImageFacts | None
    decode_seconds: float
    inference_seconds: float


class ServedModel:
    """A verified model with a queue for each kind of work, its lanes.

    `classify` takes images, `explain` the single passes of quick explanations, `study` the many
    passes of thorough ones, which must not hold up the others. Invariant: whatever runs holds the
    cores it runs on, so that runs do not compete for CPUs; the lanes take turns.
    """

    def __init__(
        self, engine: Engine, golden: Golden, sizes: BatchSizes, precision: PrecisionChoice
    ) -> None:
        self.engine = engine
        self.sizes = sizes
        self.precision = precision
        self._golden = golden
        self._limits = ImageLimits()
        self._verified: set[GraphName] = set()
        self._holders = 0
        self._is_let_go = asyncio.Event()
        self._is_let_go.set()
        self._studies_left = 0
        self.passes_at_once = PASSES_AT_ONCE
        self._cpu: Cores | None = None
        self._device: Cores | None = None
        self._classify: Batcher[bytes | Prepared | Floats, Classified | VitrineError] | None = None
        self._passes: dict[Lane, Batcher[Pass, Arrays | InferenceFailed]] = {}

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
        self,
        cpu: Cores,
        *,
        limits: ImageLimits,
        max_queue: int,
        max_passes: int,
        on_batch: OnBatch = lambda lane, images, size: None,
    ) -> None:
        """Open the queues; called on the event loop that will serve them.

        Pictures are decoded on `cpu`, and where the CPU computes, it does so on the same cores.
        """
        self._cpu, self._limits, self._on_batch = cpu, limits, on_batch
        device = cpu if self.engine.is_on_cpu else Cores(1, name="device")
        self._device = device
        self._classify = Batcher(self._run_classify, device, sizes=self.sizes, max_queue=max_queue)
        self.passes_at_once = min(PASSES_AT_ONCE, max_passes)
        self._studies_left = max_passes // self.passes_at_once
        bounds: dict[Lane, int] = {"explain": max_queue, "study": max_passes}
        self._passes = {
            lane: Batcher(
                self._run_passes,
                device,
                sizes=self.sizes,
                max_queue=bound,
                always_wide=True,
                what="images" if lane == "explain" else "passes",
                on_batch=partial(self._note_passes, lane),
            )
            for lane, bound in bounds.items()
        }

    async def classify(
        self, images: Sequence[bytes | Floats], patience_seconds: float = math.inf
    ) -> list[Ran[Classified | VitrineError]]:
        """Classify images together: encoded pictures, or pixel values [3, rows, columns].

        A bad picture gives its error and leaves the others alone. Raises what `Batcher.admitted`
        and `Batcher.submit` raise.
        """
        assert self._classify is not None
        since = time.perf_counter()
        with self._classify.admitted(len(images), patience_seconds):
            ran = await self._run_good(await self._large_decoded(images, since), since)
            # only the header, read in the batch, says that few bytes are many pixels
            large = {
                place: image
                for place, (image, run) in enumerate(zip(images, ran, strict=True))
                if isinstance(run.result, PayloadTooLarge) and isinstance(image, bytes)
            }
            if large:
                decoded = await self.decode(list(large.values()), since)
                for place, run in zip(large, await self._run_good(decoded, since), strict=True):
                    ran[place] = run
            return ran

    async def decode(
        self, pictures: Sequence[bytes], since: float | None = None
    ) -> list[Prepared | VitrineError]:
        """Decode and prepare pictures side by side; a bad one gives its error.

        `since` is when they came (`time.perf_counter`), now by default.
        """
        assert self._cpu is not None
        since, run = time.perf_counter() if since is None else since, self._cpu.run
        prepared = partial(self._prepared, limits=self._limits)
        return await asyncio.gather(*[run(partial(prepared, one), since) for one in pictures])

    async def _run_good(
        self, images: Sequence[bytes | Prepared | Floats | VitrineError], since: float
    ) -> list[Ran[Classified | VitrineError]]:
        """Run what is not an error already; an error stays in its place."""
        assert self._classify is not None
        good = [image for image in images if not isinstance(image, VitrineError)]
        runs = iter(await self._classify.submit(good, since))
        return [
            Ran(image, 0.0, 0.0) if isinstance(image, VitrineError) else next(runs)
            for image in images
        ]

    async def _large_decoded(
        self, images: Sequence[bytes | Floats], since: float
    ) -> list[bytes | Floats | Prepared | VitrineError]:
        """Decode large pictures, or all where a device computes that should not wait for it."""
        largest = DECODED_IN_BATCH_BYTES if self._device is self._cpu else 0
        found: list[bytes | Floats | Prepared | VitrineError] = list(images)
        large = [
            place
            for place, image in enumerate(images)
            if isinstance(image, bytes) and len(image) > largest
        ]
        if large:
            decoded = await self.decode([bytes(images[place]) for place in large], since)
            for place, prepared in zip(large, decoded, strict=True):
                found[place] = prepared
        return found

    def check_room(self, lane: Lane, patience_seconds: float = math.inf) -> None:
        """Raise what `Batcher.admitted` would raise for one more image."""
        self._lanes[lane].check_room(1, patience_seconds)

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
        """Run passes of images that were admitted through the graphs of explanations.

        Raises what `Batcher.submit` raises, and InferenceFailed where a pass gave numbers that are
        not finite.
        """
        return [_succeeded(run) for run in await self._passes[lane].submit(passes)]

    @contextmanager
    def explaining(
        self, images: int, is_thorough: bool = False, patience_seconds: float = math.inf
    ) -> Iterator[None]:
        """Hold places for images that are explained, thoroughly or not, until the block ends.

        Raises what `Batcher.admitted` and `study` raise.
        """
        with ExitStack() as held:
            held.enter_context(self._passes["explain"].admitted(images, patience_seconds))
            if is_thorough:
                held.enter_context(self.study())
            yield

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
        while self._holders:
            await self._is_let_go.wait()
        for batcher in self._lanes.values():
            await batcher.close()
        if self._device and self._device is not self._cpu:
            self._device.close()
        # Queues and model know each other: apart, their memory is free at once.
        self._classify, self._passes = None, {}

    def _prepared(self, image: bytes, limits: ImageLimits) -> Prepared | VitrineError:
        try:
            return prepare(image, self.contract.preprocessing, limits)
        except VitrineError as error:
            return error

    def _run_classify(
        self, images: Sequence[bytes | Prepared | Floats], is_wide: bool
    ) -> list[Classified | VitrineError]:
        """Decode what is small and not decoded yet, and run all that is good as one batch."""
        most = min(self._limits.max_pixels, DECODED_IN_BATCH_PIXELS)
        limits = replace(self._limits, max_pixels=most)
        ready = [
            self._prepared(image, limits) if isinstance(image, bytes) else image for image in images
        ]
        good = [image for image in ready if not isinstance(image, VitrineError)]
        classified = iter(self._classify_ready(good, is_wide) if good else [])
        return [image if isinstance(image, VitrineError) else next(classified) for image in ready]

    def _classify_ready(
        self, images: Sequence[Prepared | Floats], is_wide: bool
    ) -> list[Classified | InferenceFailed]:
        size = self.sizes.padded(len(images))
        pixel_values = np.zeros((size, *self.engine.image_shape), np.float32)
        for row, image in zip(pixel_values, images, strict=False):
            row[:] = image.pixel_values if isinstance(image, Prepared) else image
        started = time.perf_counter()
        threads = None if is_wide else 1
        outputs = self.engine.run(
            "classify", {"pixel_values": pixel_values}, ("logits", "readout"), threads
        )
        seconds = time.perf_counter() - started
        self._on_batch("classify", len(images), size)
        logits, readout = outputs["logits"][: len(images)], outputs["readout"]
        rows = zip(images, logits, rankings(logits), readout, strict=False)
        return [_classified(*row, seconds) for row in rows]

    def _run_passes(self, passes: Sequence[Pass], is_wide: bool) -> list[Arrays | InferenceFailed]:
        for graph in {one.graph for one in passes} - self._verified:
            REPLAYS[graph](self.engine, self._golden)
            self._verified.add(graph)
        return run_passes_apart(self.engine, passes, self.sizes.largest)

    def _note_passes(self, lane: Lane, passes: int) -> None:
        self._on_batch(lane, passes, passes)


def _succeeded(run: Ran[Arrays | InferenceFailed]) -> Ran[Arrays]:
    if isinstance(run.result, InferenceFailed):
        raise run.result
    return Ran(run.result, run.queue_seconds, run.run_seconds)


def _classified(
    image: Prepared | Floats, logits: Floats, ranking: Ranking, readout: Floats, seconds: float
) -> Classified | InferenceFailed:
    try:
        check_finite({"logits": logits, "readout": readout})
    except InferenceFailed as failure:
        return failure
    if isinstance(image, Prepared):
        return Classified(logits, ranking, readout, image.image, image.seconds, seconds)
    return Classified(logits, ranking, readout, None, 0.0, seconds)
