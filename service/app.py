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
from service.access import AccessMiddleware, declare_keys
from service.body import BodyMiddleware
from service.body_quota import BodyQuotaMiddleware
from service.budget import cpu_budget
from service.cores import Cores
from service.cors import allow_origins
from service.errors import ContractError, VitrineError
from service.keys import KeyRing
from service.metrics import Metrics
from service.middleware import RequestMiddleware
from service.problems import install_problem_handlers
from service.quota import Quota
from service.rate import RateLimit, shared_folder
from service.registry import Registry, open_model
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
)
from service.routes.context import Context
from service.served_model import Lane, ServedModel
from service.settings import Settings
from service.tracing import open_tracing

logger = logging.getLogger("vitrine")
SPARE_PLACES = 1  # gained a fifth of throughput at 8 callers on 2 CPUs; a second one nothing
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
    bundle cannot be served; the caller decides whether to stop. Raises InvalidParameter when the
    file of keys is missing or broken.
    """
    settings = settings or Settings()
    keys = KeyRing(settings.api_keys_file) if settings.api_keys_file else None
    rate_limit = _rate_limit(settings)
    threads = settings.threads or cpu_budget().cpus
    context = Context(
        settings=settings,
        registry=Registry(settings.default_model),
        metrics=Metrics(),
        cores=Cores(threads, SPARE_PLACES),
        body_bytes=Quota(settings.max_queue_bytes, "bytes of request bodies"),
        picture_threads=ThreadPoolExecutor(threads, thread_name_prefix="picture"),
    )

    for lane, limit in _queue_limits(settings).items():
        context.metrics.queue_limit.labels(lane).set(limit)
    tracing = open_tracing()

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
            context.metrics.ready.set(1)
            on_ready()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.create_task(load())
        yield
        context.is_draining = True
        context.metrics.ready.set(0)
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
        await context.registry.close()
        context.cores.close()
        context.picture_threads.shutdown(wait=False)
        if rate_limit:
            rate_limit.close()
        if tracing:
            await asyncio.to_thread(tracing.close)

    app = FastAPI(
        title="Vitrine",
        description=DESCRIPTION,
        version=__version__,
        lifespan=lifespan,
        redoc_url=None,
    )
    app.state.context = context
    app.add_middleware(BodyMiddleware, seconds=settings.body_seconds)  # the last is the outermost
    app.add_middleware(BodyQuotaMiddleware, quota=context.body_bytes)
    app.add_middleware(AccessMiddleware, keys=keys, rate_limit=rate_limit)
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
    for module in (classify, explain, models, *protocols, health, metrics, page):
        app.include_router(module.router)
    app.mount("/web", page.files, name="web")
    return app


def _rate_limit(settings: Settings) -> RateLimit | None:
    if not settings.rate_limit:
        return None
    return RateLimit(settings.rate_limit, settings.rate_burst, shared_folder())


def _queue_limits(settings: Settings) -> dict[Lane, int]:
    return {
        "classify": settings.max_queue,
        "explain": settings.max_queue,
        "study": settings.max_passes,
    }


async def _load_models(context: Context, threads: int) -> None:
    settings = context.settings

    def start(model: ServedModel) -> None:
        model.start(
            context.cores,
            limits=context.limits,
            max_queue=settings.max_queue,
            max_passes=settings.max_passes,
            on_batch=context.metrics.note_batch,
        )
        context.metrics.model_info.labels(
            model.contract.name, model.contract.version, model.digest, model.engine.provider, "fp32"
        ).set(1)
        context.metrics.provider_fallback.labels(model.contract.name).set(model.engine.is_fallback)

    open_bundle = partial(
        open_model,
        provider=settings.provider,
        threads=threads,
        max_batch_size=settings.max_batch_size,
        batch_sizes=settings.batch_sizes,
    )
    await context.registry.load(settings.bundles, open_bundle, start)
