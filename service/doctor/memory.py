"""Whether the workers' memory fits what there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from service.composition import spare_places
from service.doctor.check import Check, mebibytes
from service.doctor.footprint import Footprint
from service.memory_budget import MemoryLimit
from service.own_cpus import own_cpus
from service.settings import Settings

DECODING_BYTES = 13  # a pixel, of a grey picture with transparency; RGB takes 4 (measured)
WARNED = "lower --workers, serve fewer bundles, or give it more memory"


def memory(
    settings: Settings,
    threads: int,
    limits: Sequence[MemoryLimit],
    measured: Mapping[str, Footprint],
) -> Iterator[Check]:
    """Compare the limit with what the workers take when ready, when explaining, and at worst."""
    limit = min(limits, key=lambda one: one.limit_bytes)
    left = [one.available_bytes for one in limits if one.available_bytes is not None]
    available = min([limit.limit_bytes, *left])
    yield _limit(limits, limit, available)
    if not measured:
        yield Check("memory", "warning", "what a worker takes is not known", "see the bundles")
        return
    workers = settings.workers
    takes = {name: one.of_workers(workers) for name, one in measured.items()}
    yield _workers(workers, measured, takes, limit, available)
    yield _at_worst(settings, threads, max(takes.values()), limit)


def _limit(limits: Sequence[MemoryLimit], least: MemoryLimit, available: int) -> Check:
    facts = {
        "limit_bytes": least.limit_bytes,
        "source": least.source,
        "available_bytes": available,
        "limits": [{"source": one.source, "limit_bytes": one.limit_bytes} for one in limits],
    }
    found = (
        f"{mebibytes(least.limit_bytes)}, limited by {least.source}, "
        f"{mebibytes(available)} of them available now"
    )
    return Check("memory", "ok", found, facts=facts)


def _workers(
    workers: int,
    measured: Mapping[str, Footprint],
    takes: Mapping[str, int],
    limit: MemoryLimit,
    available: int,
) -> Check:
    parts = [
        f"{mebibytes(one.own_bytes)} of its own and {mebibytes(one.shared_bytes)} of files when "
        f"{name}"
        for name, one in measured.items()
    ]
    together = f"; {workers} workers {mebibytes(max(takes.values()))}" if workers > 1 else ""
    found = f"a worker takes, as measured, {', '.join(parts)}{together}"
    facts = {"workers": workers, "bytes_of_all": dict(takes)}
    if max(takes.values()) > limit.limit_bytes:
        more = f"{found}, more than {mebibytes(limit.limit_bytes)} of {limit.source}"
        return Check("memory", "warning", more, WARNED, facts)
    if max(takes.values()) > available:
        more = f"{found}, more than the {mebibytes(available)} that are available now"
        return Check("memory", "warning", more, WARNED, facts)
    return Check("memory", "ok", found, facts=facts)


def _at_worst(settings: Settings, threads: int, takes: int, limit: MemoryLimit) -> Check:
    places = threads + spare_places(own_cpus(threads, settings.workers))
    decoding = places * settings.max_image_pixels * DECODING_BYTES
    remembered = settings.cache_bytes
    total = takes + settings.workers * (settings.max_queue_bytes + decoding + remembered)
    found = (
        f"at worst {mebibytes(total)}: with each worker's queue full of bodies "
        f"({mebibytes(settings.max_queue_bytes)}), and {places} of the largest "
        f"pictures being decoded ({mebibytes(decoding)})"
        + (f", and {mebibytes(remembered)} of results" if remembered else "")
    )
    facts = {"bytes_at_worst": total, "queue_bytes": settings.max_queue_bytes}
    if total <= limit.limit_bytes:
        return Check("memory", "ok", found, facts=facts)
    remedy = "lower --max-image-pixels or --max-queue-bytes, or give it more memory"
    more = f"{found}, more than {mebibytes(limit.limit_bytes)} of {limit.source}"
    return Check("memory", "warning", more, remedy, facts)
