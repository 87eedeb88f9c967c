"""What every route needs: the settings, the models, the metrics and the threads for pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, TypeVar, cast

from fastapi import Depends, Request

from service.loader import Loader
from service.metrics import Metrics
from service.preprocess import ImageLimits
from service.registry import Registry
from service.relay import Relay
from service.settings import Settings

Result = TypeVar("Result")


@dataclass
class Context:
    """The parts of one application; `is_draining` says that it is about to stop."""

    settings: Settings
    registry: Registry
    metrics: Metrics
    picture_threads: ThreadPoolExecutor
    loader: Loader
    relay: Relay
    is_draining: bool = False

    @property
    def limits(self) -> ImageLimits:
        """What pictures may measure."""
        return ImageLimits(self.settings.max_image_bytes, self.settings.max_image_pixels)

    async def in_thread(self, work: Callable[[], Result]) -> Result:
        """Do blocking work on pictures outside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.picture_threads, work)


async def _context(request: Request) -> Context:  # FastAPI would run a plain one in a thread
    return cast(Context, request.app.state.context)


InContext = Annotated[Context, Depends(_context)]
