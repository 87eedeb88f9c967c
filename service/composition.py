"""Makes the parts of an application out of its settings, and puts them together."""

from __future__ import annotations

import os
from pathlib import Path

from service.cores import Cores
from service.decoding import ImageLimits, decode_in_calling_thread
from service.loader import Lifecycle, Loader
from service.metrics import Metrics
from service.opening import bundle_opener, compute_threads
from service.own_cpus import OwnCpus, own_cpus
from service.quota import Quota
from service.rate import RateLimit
from service.registry import Registry
from service.relay import Relay
from service.result_cache import ResultCache
from service.routes.context import Context
from service.served_model import Lane, ServedModel
from service.settings import Settings
from service.shared_folder import VARIABLE

SPARE_PLACES = 1  # where threads wander between CPUs; a second one gained nothing


def compose(settings: Settings) -> Context:
    """Make what the routes need. Nothing is loaded yet."""
    decode_in_calling_thread()
    metrics, registry = Metrics(), Registry(settings.default_model)
    threads = compute_threads(settings)
    cpus = own_cpus(threads, settings.workers)
    cores = Cores(threads, spare_places(cpus), own=OwnCpus(cpus))
    for lane, limit in _queue_limits(settings).items():
        metrics.queue_limit.labels(lane).set(limit)
    loader = Loader(
        registry,
        settings.bundles,
        _lifecycle(settings, metrics, cores),
        on_reload=lambda name, outcome: metrics.reloads.labels(name, outcome).inc(),
    )
    return Context(
        settings=settings,
        registry=registry,
        metrics=metrics,
        cores=cores,
        body_bytes=Quota(settings.max_queue_bytes, "bytes of request bodies"),
        picture_threads=cores.thread_pool(threads, "picture"),
        loader=loader,
        relay=Relay(loader, shared_folder()),
        results=ResultCache(settings.cache_bytes) if settings.cache_bytes else None,
    )


def spare_places(own: frozenset[int]) -> int:
    """Say how many places there are beyond the CPUs: none where threads have their own."""
    return 0 if own else SPARE_PLACES


def shared_folder() -> Path | None:
    """Give the folder that the workers of one service share, if there are several."""
    folder = os.environ.get(VARIABLE)
    return Path(folder) if folder else None


def rate_limit(settings: Settings) -> RateLimit | None:
    """Make the limit of requests for each caller, where there is one."""
    if not settings.rate_limit:
        return None
    return RateLimit(settings.rate_limit, settings.rate_burst, shared_folder())


def _queue_limits(settings: Settings) -> dict[Lane, int]:
    return {
        "classify": settings.max_queue,
        "explain": settings.max_queue,
        "study": settings.max_passes,
    }


def _lifecycle(settings: Settings, metrics: Metrics, cores: Cores) -> Lifecycle:
    def labels(model: ServedModel) -> tuple[str, ...]:
        contract = model.contract
        return (
            contract.name,
            contract.version,
            model.digest,
            model.engine.provider,
            model.precision.name,
        )

    def start(model: ServedModel) -> None:
        model.start(
            cores,
            limits=ImageLimits(settings.max_image_bytes, settings.max_image_pixels),
            max_queue=settings.max_queue,
            max_passes=settings.max_passes,
            on_batch=metrics.note_batch,
        )
        metrics.model_info.labels(*labels(model)).set(1)
        metrics.provider_fallback.labels(model.contract.name).set(model.engine.is_fallback)

    def retire(model: ServedModel) -> None:
        # Where several processes share their metrics, a series cannot be removed: it becomes 0.
        metrics.model_info.labels(*labels(model)).set(0)
        metrics.model_info.remove(*labels(model))

    return Lifecycle(bundle_opener(settings, cores.number), start, retire)
