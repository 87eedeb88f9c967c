"""What every route needs: the settings, the models, the metrics and the threads for pictures."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Annotated, TypeVar, cast

from fastapi import Depends, Request

from service.cores import Cores
from service.decoding import ImageLimits
from service.loader import Loader
from service.metrics import Metrics
from service.quota import Quota
from service.registry import Registry
from service.relay import Relay
from service.result_cache import ResultCache
from service.settings import Settings

Result = TypeVar("Result")


@dataclass
class Context:
    """The parts of one application; `is_draining` says that it is about to stop."""

    settings: Settings
    registry: Registry
    metrics: Metrics
    cores: Cores
    body_bytes: Quota
    picture_threads: ThreadPoolExecutor
    loader: Loader
    relay: Relay
    results: ResultCache | None
    is_draining: bool = False

    @property
    def is_ready(self) -> bool:
        """Whether requests are answered."""
        return self.registry.is_ready and not self.is_draining

    @property
    def limits(self) -> ImageLimits:
        """What pictures may measure."""
        return ImageLimits(self.settings.max_image_bytes, self.settings.max_image_pixels)

    def record_state(self) -> None:
        """Tell the metrics what is under way now, and whether requests are answered."""
        depths: Counter[str] = Counter()
        for model in self.registry.models:
            depths.update(model.queue_depths)
        for lane, depth in depths.items():
            self.metrics.queue_depth.labels(lane).set(depth)
        self.metrics.in_flight.set(self.metrics.under_way)
        self.metrics.queued_bytes.set(self.body_bytes.held)
        if self.results is not None:
            self.metrics.cache_bytes.set(self.results.held_bytes)
        self.metrics.ready.set(self.is_ready)

    async def in_thread(self, work: Callable[[], Result]) -> Result:
        """Do blocking work on pictures outside the event loop.

        It belongs to the current request all the same: its log lines carry that id.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.picture_threads, copy_context().run, work)


async def _context(request: Request) -> Context:  # FastAPI would run a plain one in a thread
    return cast(Context, request.app.state.context)


InContext = Annotated[Context, Depends(_context)]
