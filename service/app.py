"""The application: settings in, routes and life cycle out. It alone knows everything."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from service import __version__
from service.access import AccessMiddleware, declare_keys
from service.application import Application
from service.body import BodyMiddleware
from service.body_quota import BodyQuotaMiddleware
from service.composition import compose, rate_limit
from service.cors import allow_origins
from service.errors import ContractError, VitrineError
from service.keys import KeyRing
from service.middleware import RequestMiddleware
from service.opening import EarlyOpening
from service.problems import install_problem_handlers
from service.routes import (
    classify,
    explain,
    health,
    hugging_face,
    infer,
    instances,
    metrics,
    models,
    open_inference,
    page,
    trace,
)
from service.settings import Settings
from service.shortcut import ShortcutMiddleware
from service.tracing import open_tracing
from service.watch import Watch

logger = logging.getLogger("vitrine")
RELAY_SECONDS = 1.0  # until one worker sees what another was told
WAITING_THREADS = 4  # for what would hold up the event loop: models opened, folders looked at
YOUNG_OBJECTS = 2000  # new ones before garbage is looked for; Python's 700 are soon under way
DESCRIPTION = "Classifies images with a Vision Transformer and shows what the model saw."


def create_app(
    settings: Settings | None = None,
    *,
    on_ready: Callable[[], None] = lambda: None,
    on_failure: Callable[[VitrineError], None] = lambda error: None,
    early: EarlyOpening | None = None,
) -> FastAPI:
    """Build the application; settings come from the environment where none are given.

    Models load in the background once it starts: `/health/live` answers meanwhile, `/health/ready`
    and the models' routes answer 503. `on_ready` is called when they are open, `on_failure` when a
    bundle cannot be served; the caller decides whether to stop. Models that are opened `early` are
    not opened again. Raises InvalidParameter when the file of keys is missing or broken.
    """
    settings = settings or Settings()
    keys = KeyRing(settings.api_keys_file) if settings.api_keys_file else None
    limit, tracing = rate_limit(settings), open_tracing()
    context = compose(settings)
    watch = Watch(context.loader)

    async def load_and_watch() -> None:
        try:
            if settings.watch_seconds:
                await watch.note()
            await context.loader.load(early.open if early else None)
            await context.relay.look()
        except VitrineError as error:
            logger.error("%s: %s", error.title, error.detail)
            on_failure(error)
        except Exception as error:  # whatever it is, nobody must wait for a model that never comes
            logger.error("the models cannot be opened", exc_info=error)
            on_failure(ContractError(f"{settings.bundles} cannot be opened: {error!r}"))
        else:
            context.metrics.ready.set(1)
            gc.freeze()  # what is there by now stays: collections need not look at it again
            gc.set_threshold(YOUNG_OBJECTS)
            on_ready()
            await asyncio.gather(
                watch.look_every(settings.watch_seconds), context.relay.look_every(RELAY_SECONDS)
            )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        waiting = context.cores.thread_pool(WAITING_THREADS, "waiting")
        asyncio.get_running_loop().set_default_executor(waiting)  # asyncio.to_thread's
        loading = asyncio.create_task(load_and_watch())
        yield
        context.is_draining = True
        context.metrics.ready.set(0)
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
        await context.registry.close()
        context.cores.close()
        context.picture_threads.shutdown(wait=False)
        if limit:
            limit.close()
        if tracing:
            await asyncio.to_thread(tracing.close)

    app = Application(
        title="Vitrine",
        description=DESCRIPTION,
        version=__version__,
        lifespan=lifespan,
        redoc_url=None,
        # we have our own; FastAPI's would be looked for at each request
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.context = context
    app.add_middleware(ShortcutMiddleware, route=classify.route)
    app.add_middleware(BodyMiddleware, seconds=settings.body_seconds)  # the last is the outermost
    app.add_middleware(BodyQuotaMiddleware, quota=context.body_bytes)
    app.add_middleware(AccessMiddleware, keys=keys, rate_limit=limit)
    if keys:
        declare_keys(app)
    if settings.cors_origins:
        allow_origins(app, settings.cors_origins)
    app.add_middleware(
        RequestMiddleware,
        metrics=context.metrics,
        tracing=tracing,
        access_log=settings.access_log,
    )
    install_problem_handlers(app)
    protocols = (open_inference, infer, instances, hugging_face)
    for module in (classify, explain, trace, models, *protocols, health, metrics, page):
        app.include_router(module.router)
    app.mount("/web", GZipMiddleware(page.files), name="web")
    return app
