"""The application: settings in, routes and life cycle out. It alone knows everything."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from service import __version__
from service.budget import cpu_budget
from service.errors import ContractError, VitrineError
from service.loader import Lifecycle, Loader
from service.metrics import Metrics
from service.middleware import RequestMiddleware
from service.problems import install_problem_handlers
from service.registry import Registry, open_model
from service.relay import Relay
from service.routes import classify, explain, health, metrics, models, page
from service.routes.context import Context
from service.served_model import ServedModel
from service.settings import Settings
from service.watch import Watch

logger = logging.getLogger("vitrine")
RELAY_SECONDS = 1.0  # until one worker sees what another was told
DESCRIPTION = "Classifies images with a Vision Transformer and shows what the model saw."


def create_app(
    settings: Settings | None = None,
    *,
    on_ready: Callable[[], None] = lambda: None,
    on_failure: Callable[[VitrineError], None] = lambda error: None,
) -> FastAPI:
    """Build the application; settings come from the environment where none are given.

    Models load in the background once it starts: `/health/live` answers meanwhile, `/health/ready`
    and the models' routes answer 503. `on_ready` is called when they are open, `on_failure` when a
    bundle cannot be served; the caller decides whether to stop.
    """
    settings = settings or Settings()
    context = _context(settings)
    watch = Watch(context.loader)

    async def load_and_watch() -> None:
        try:
            if settings.watch_seconds:
                await watch.note()
            await context.loader.load()
            await context.relay.look()
        except VitrineError as error:
            logger.error("%s: %s", error.title, error.detail)
            on_failure(error)
        except Exception as error:  # whatever it is, nobody must wait for a model that never comes
            logger.error("the models cannot be opened", exc_info=error)
            on_failure(ContractError(f"{settings.bundles} cannot be opened: {error!r}"))
        else:
            on_ready()
            await asyncio.gather(
                watch.look_every(settings.watch_seconds), context.relay.look_every(RELAY_SECONDS)
            )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.create_task(load_and_watch())
        yield
        context.is_draining = True
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
        await context.registry.close()
        context.picture_threads.shutdown(wait=False)

    app = FastAPI(
        title="Vitrine",
        description=DESCRIPTION,
        version=__version__,
        lifespan=lifespan,
        redoc_url=None,
    )
    app.state.context = context
    app.add_middleware(RequestMiddleware, metrics=context.metrics)
    install_problem_handlers(app)
    for module in (classify, explain, models, health, metrics, page):
        app.include_router(module.router)
    app.mount("/web", page.files, name="web")
    return app


def _context(settings: Settings) -> Context:
    metrics, registry = Metrics(), Registry(settings.default_model)
    threads = settings.threads or cpu_budget().cpus
    loader = Loader(
        registry,
        settings.bundles,
        _lifecycle(settings, metrics, threads),
        on_reload=lambda name, outcome: metrics.reloads.labels(name, outcome).inc(),
    )
    return Context(
        settings=settings,
        registry=registry,
        metrics=metrics,
        picture_threads=ThreadPoolExecutor(threads, thread_name_prefix="picture"),
        loader=loader,
        relay=Relay(loader, _shared_folder()),
    )


def _shared_folder() -> Path | None:
    """Where the workers of one service leave word for each other; a single one has none."""
    folder = os.environ.get("VITRINE_SHARED_FOLDER")
    return Path(folder) if folder else None


def _lifecycle(settings: Settings, metrics: Metrics, threads: int) -> Lifecycle:
    def labels(model: ServedModel) -> tuple[str, ...]:
        contract = model.contract
        return contract.name, contract.version, model.digest, model.engine.provider, "fp32"

    def start(model: ServedModel) -> None:
        model.start(
            max_batch_size=settings.max_batch_size,
            max_queue=settings.max_queue,
            max_passes=settings.max_passes,
            on_batch=lambda lane, size: metrics.batch_size.labels(lane).observe(size),
        )
        metrics.model_info.labels(*labels(model)).set(1)

    def retire(model: ServedModel) -> None:
        # Where several processes share their metrics, a series cannot be removed: it becomes 0.
        metrics.model_info.labels(*labels(model)).set(0)
        metrics.model_info.remove(*labels(model))

    open_bundle = partial(
        open_model,
        provider=settings.provider,
        threads=threads,
        max_batch_size=settings.max_batch_size,
    )
    return Lifecycle(open_bundle, start, retire)
