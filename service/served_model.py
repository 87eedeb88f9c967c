"""One model that is served: its engine, and a queue for each kind of work."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any, Literal, Self

from service.batch_sizes import BatchSizes
from service.batching import Batcher, Ran
from service.contract import Contract
from service.cores import Cores
from service.decoding import ImageLimits
from service.engine import Arrays, Engine, Floats
from service.errors import InferenceFailed, Overloaded, PayloadTooLarge, VitrineError
from service.explanation.passes import Pass, run_passes_apart
from service.golden import REPLAYS, Golden
from service.graphs import GraphName
from service.holders import Holders
from service.image_runner import Classified, Image, ImageRunner
from service.precision import PrecisionChoice
from service.preprocess import Prepared
from service.trace.parameters import Parameters

OnBatch = Callable[[str, int, int], None]  # from the lane, the images run, and the size they ran as
Lane = Literal["classify", "explain", "study"]
BRIEF_SECONDS = 0.04  # of an image on one CPU: the event loop may decode and run a lone one itself
LONG_SECONDS = 0.02  # of an image: some twenty times what the event loop has to do for it
PASSES_AT_ONCE = 64  # of one request that wait in the lane study, so that others find room
DECODED_IN_BATCH_BYTES = 64 * 1024  # larger pictures would hold up the others of their batch


class ServedModel:
    """A verified model with a queue for each kind of work, its lanes.

    `classify` takes images, `explain` the single passes of quick explanations, `study` the many
    passes of thorough ones, which must not hold up the others. Invariant: whatever runs holds the
    cores it runs on, so that runs do not compete for CPUs; the lanes take turns.
    """

    def __init__(
        self,
        engine: Engine,
        golden: Golden,
        sizes: BatchSizes,
        precision: PrecisionChoice,
        image_seconds: float = 0.0,
    ) -> None:
        """`image_seconds` is a CPU's time for one image on one thread, 0 where none computes."""
        self.engine = engine
        self.sizes = sizes
        self.precision = precision
        self.image_seconds = image_seconds
        self.parameters = Parameters(engine.bundle) if engine.is_traceable else None
        self._golden = golden
        self._verified: set[GraphName] = set()
        self._holders = Holders()
        self._studies_left = 0
        self.passes_at_once = PASSES_AT_ONCE
        self._cpu: Cores | None = None
        self._device: Cores | None = None
        self._images: ImageRunner | None = None
        self._classify: Batcher[Image, Classified | VitrineError] | None = None
        self._passes: dict[Lane, Batcher[Pass, Arrays | InferenceFailed]] = {}
        self._lanes: dict[Lane, Batcher[Any, Any]] = {}  # all that are open

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
        self._cpu, self._on_batch = cpu, on_batch
        device = cpu if self.engine.is_on_cpu else Cores(1, name="device")
        self._device = device
        self._images = ImageRunner(self.engine, self.sizes, limits, partial(on_batch, "classify"))
        self._classify = Batcher(
            self._images.run,
            device,
            sizes=self.sizes,
            max_queue=max_queue,
            # a place beyond the CPUs works while the event loop does, which for these is not long
            side_by_side=device.number if self.image_seconds > LONG_SECONDS else device.places,
            is_brief=0 < self.image_seconds <= BRIEF_SECONDS,
        )
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
        self._lanes = {"classify": self._classify, **self._passes}

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
        assert self._images is not None
        since, run = time.perf_counter() if since is None else since, self._cpu.run
        decode = self._images.decode
        return await asyncio.gather(*[run(partial(decode, one), since) for one in pictures])

    async def _run_good(
        self, images: Sequence[Image | VitrineError], since: float
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
    ) -> list[Image | VitrineError]:
        """Decode large pictures, or all where a device computes that should not wait for it."""
        largest = DECODED_IN_BATCH_BYTES if self._device is self._cpu else 0
        found: list[Image | VitrineError] = list(images)
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

    def held(self) -> AbstractContextManager[Self]:
        """Keep the model open until the block ends."""
        return self._holders.one_more(self)

    async def close(self) -> None:
        """Wait for those who hold the model, finish what was accepted, then stop."""
        await self._holders.all_gone()
        for batcher in self._lanes.values():
            await batcher.close()
        if self._device and self._device is not self._cpu:
            self._device.close()
        # Queues and model know each other: apart, their memory is free at once.
        self._classify, self._passes, self._lanes, self._images = None, {}, {}, None
        self.engine.close()  # a thread that ran it last may know it for a moment longer

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
