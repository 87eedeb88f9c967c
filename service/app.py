"""The application: settings in, routes and life cycle out. It alone knows everything."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from service import __version__
from service.budget import cpu_budget
from service.errors import ContractError, VitrineError
from service.metrics import Metrics
from service.middleware import RequestMiddleware
from service.problems import install_problem_handlers
from service.registry import Registry, open_model
from service.routes import classify, explain, health, metrics, models, page
from service.routes.context import Context
from service.served_model import ServedModel
from service.settings import Settings

logger = logging.getLogger("vitrine")
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
    threads = settings.threads or cpu_budget().cpus
    context = Context(
        settings=settings,
        registry=Registry(settings.default_model),
        metrics=Metrics(),
        picture_threads=ThreadPoolExecutor(threads, thread_name_prefix="picture"),
    )

    async def load() -> None:
        try:
            await _load_models(context, threads)
        except VitrineError as error:
            logger.error("%s: %s", error.title, error.detail)
            on_failure(error)
        except Exception as error:  # whatever it is, nobody must wait for a model that never comes
            logger.error("the models cannot be opened", exc_info=error)
            on_failure(ContractError(f"{settings.bundles} cannot be opened: {error!r}"))
        else:
            on_ready()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.create_task(load())
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


async def _load_models(context: Context, threads: int) -> None:
    settings = context.settings

    def start(model: ServedModel) -> None:
        model.start(
            max_batch_size=settings.max_batch_size,
            max_queue=settings.max_queue,
            max_passes=settings.max_passes,
            on_batch=lambda lane, size: context.metrics.batch_size.labels(lane).observe(size),
        )
        context.metrics.model_info.labels(
            model.contract.name,
            model.contract.version,
            model.digest,
            model.engine.provider,
            model.precision.name,
        ).set(1)

    open_bundle = partial(
        open_model,
        provider=settings.provider,
        threads=threads,
        max_batch_size=settings.max_batch_size,
        precision=settings.precision,
    )
    await context.registry.load(settings.bundles, open_bundle, start)
