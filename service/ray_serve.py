"""The service under Ray Serve: replicas of the same application, more of them under load.

    serve run service.ray_serve:app max_replicas=8 replica_cpus=2

`app` builds the application out of arguments and variables. It is a function and not an application
that is ready, so that importing this module reads no settings, and arguments can be checked
together before anything starts.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import ray
from fastapi import FastAPI
from ray import serve
from ray.serve.config import AutoscalingConfig, BackpressureConfig
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import LoggingConfig

from service.app import create_app
from service.budget import cpu_budget
from service.errors import ModelNotReady
from service.logs import configure_logging
from service.ray_settings import RaySettings, read_settings
from service.replica_metrics import Families, families_of, registry_of
from service.replica_middleware import ReplicaMiddleware
from service.routes.context import Context
from service.settings import Settings

logger = logging.getLogger("vitrine")
METRICS_SECONDS = 5.0  # how old another replica's metrics may be
GATHER_SECONDS = 2.0  # longer, and a scrape gets those of the replica that was asked alone
FORGET_SECONDS = 3 * METRICS_SECONDS
CLOSE_SECONDS = 10  # to close the models, once the last request is answered
RETRY_SECONDS = 1.0


class MetricsBoard:
    """Keeps what each replica last told of its metrics. It computes nothing, and may be lost."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[float, Families]] = {}

    async def exchange(self, replica: str, families: Families) -> list[Families]:
        """Take down a replica's metrics, and give those of the others that are there."""
        now = time.monotonic()
        self._told[replica] = now, families
        for other, (when, _) in list(self._told.items()):
            if now - when > FORGET_SECONDS:
                del self._told[other]
        return [told for other, (_, told) in self._told.items() if other != replica]


class Replica:
    """One replica: the application in this process.

    Invariant: it takes requests only when its models are open, since Ray sends none before the
    first `check_health` has returned.
    """

    def __init__(self, settings: RaySettings, board: DeploymentHandle[Any]) -> None:
        configure_logging(settings.log_level, settings.log_format)
        self.name = serve.get_replica_context().replica_tag
        self._settings = settings
        self._board = board
        self._opened = asyncio.get_running_loop().create_future()
        self._context: Context

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Build the application; Ray runs its lifespan, which loads, watches and drains."""
        app = create_app(
            self._settings.model_copy(update={"threads": threads_of_a_replica(self._settings)}),
            on_ready=lambda: self._opened.set_result(None),
            on_failure=self._opened.set_exception,
        )
        self._context = app.state.context
        app.add_middleware(ReplicaMiddleware, gather=self._gather)
        tell_while_running(app, self._tell)
        return app

    async def check_health(self) -> None:
        """Wait for the models at first. Raises what keeps them from being served."""
        await asyncio.shield(self._opened)
        if not self._context.is_ready:
            raise ModelNotReady("a queue of the models has ended; Ray starts another replica")

    async def _tell(self) -> None:
        while True:
            await self._gather()
            await asyncio.sleep(METRICS_SECONDS)

    async def _gather(self) -> None:
        metrics = self._context.metrics
        self._context.record_state()
        own = families_of(self.name, metrics.registry)
        others: list[Families] = []
        try:
            async with asyncio.timeout(GATHER_SECONDS):
                others = await self._board.exchange.remote(self.name, own)
        except Exception as error:  # the board is started or moved: nobody waits for it
            logger.warning("metrics of the other replicas cannot be read: %r", error)
        metrics.exposed = registry_of([own, *others])


def tell_while_running(app: FastAPI, tell: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine as long as the application's lifespan."""
    lifespan = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan_and_tell(app: FastAPI) -> AsyncIterator[Any]:
        async with lifespan(app) as state:
            telling = asyncio.create_task(tell())
            yield state
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling

    app.router.lifespan_context = lifespan_and_tell


def threads_of_a_replica(settings: Settings) -> int:
    """Give the threads to compute on: as many as CPUs that Ray gave this process, and no more."""
    context: Any = ray.get_runtime_context()  # untyped
    cpus: float = context.get_assigned_resources().get("CPU", 1)
    given = max(1, math.ceil(cpus))
    return min(settings.threads or given, given, cpu_budget().cpus)


Vitrine = serve.deployment(name="Vitrine")(serve.ingress()(Replica))
Board = serve.deployment(name="MetricsBoard")(MetricsBoard)
QUIET = LoggingConfig(enable_access_log=False)  # VITRINE_ACCESS_LOG writes one, with more in it


def app(arguments: dict[str, Any]) -> serve.Application:
    """Build the application for Ray Serve; arguments are fields of RaySettings.

    Raises InvalidParameter where they do not fit, or do not fit together.
    """
    settings = read_settings(arguments)
    board = Board.options(
        ray_actor_options={"num_cpus": 0}, max_ongoing_requests=1000, logging_config=QUIET
    )
    return Vitrine.options(
        ray_actor_options={
            "num_cpus": settings.replica_cpus,
            "num_gpus": settings.replica_gpus,
        },
        autoscaling_config=AutoscalingConfig(
            min_replicas=settings.min_replicas,
            max_replicas=settings.max_replicas,
            target_ongoing_requests=settings.target,
            upscale_delay_s=settings.upscale_delay_seconds,
            downscale_delay_s=settings.downscale_delay_seconds,
        ),
        # no more than the service's own queue takes: what waits beyond goes to whichever replica
        # is free first, and is counted by who decides how many replicas there are
        max_ongoing_requests=settings.max_queue,
        max_queued_requests=settings.max_queue * settings.max_replicas,
        backpressure_config=BackpressureConfig(status_code=503, retry_after_s=RETRY_SECONDS),
        graceful_shutdown_wait_loop_s=0.5,
        graceful_shutdown_timeout_s=settings.drain_seconds + CLOSE_SECONDS,
        health_check_period_s=5,
        health_check_timeout_s=30,
        logging_config=QUIET,
        max_surge_percent=25,  # a new version is ready before the old one goes
        max_constructor_retry_count=3,  # a broken bundle does not get whole by trying again
    ).bind(settings, board.bind())
