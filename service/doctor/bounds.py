"""Whether the limits on requests fit each other."""

from __future__ import annotations

from collections.abc import Iterator

from service.doctor.check import Check, mebibytes
from service.settings import Settings

BALANCER_SECONDS = 60  # for which common load balancers keep an idle connection


def bounds(settings: Settings) -> list[Check]:
    """Say what requests may hold, and warn of limits that make others unreachable."""
    found = (
        f"{settings.max_queue:,} images or {mebibytes(settings.max_queue_bytes)} of bodies at "
        f"once; a body of {mebibytes(settings.max_body_bytes)}, an image of "
        f"{mebibytes(settings.max_image_bytes)} and {settings.max_image_pixels:,} pixels; "
        f"answers within {settings.deadline_seconds:g} s"
    )
    contradictions = [
        Check("limits", "warning", what, remedy) for what, remedy in _contradictions(settings)
    ]
    return [Check("limits", "ok", found, facts=_facts(settings)), *contradictions]


def _facts(settings: Settings) -> dict[str, float]:
    return {
        name: value
        for name, value in settings.model_dump(mode="json").items()
        if name.startswith(("max_", "deadline_"))
    }


def _contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.max_body_bytes > settings.max_queue_bytes:
        yield (
            "a body larger than --max-queue-bytes is always refused with 503, although "
            "--max-body-bytes allows it",
            f"raise --max-queue-bytes to {settings.max_body_bytes} or more",
        )
    if settings.max_image_bytes > settings.max_body_bytes:
        yield (
            "an image as large as --max-image-bytes never fits --max-body-bytes",
            f"raise --max-body-bytes to {settings.max_image_bytes} or more",
        )
    if settings.max_images > settings.max_queue:
        yield (
            f"a request of --max-images {settings.max_images} is always refused with 503, since "
            f"--max-queue is {settings.max_queue}",
            "raise --max-queue, or lower --max-images",
        )
    largest = max([settings.max_batch_size, *settings.batch_sizes])
    if largest > settings.max_queue:
        yield (
            f"a batch of {largest} is never full, since --max-queue is {settings.max_queue}",
            f"raise --max-queue to {largest} or more",
        )
    if settings.drain_seconds < settings.deadline_seconds:
        yield (
            f"a request may take {settings.deadline_seconds:g} s, but after SIGTERM it is cut "
            f"off {settings.drain_seconds} s after the listener closed",
            "raise --drain-seconds, or lower --deadline-seconds",
        )
    if settings.keep_alive_seconds <= BALANCER_SECONDS:
        yield (
            f"idle connections are closed after {settings.keep_alive_seconds} s, which load "
            f"balancers that reuse them for {BALANCER_SECONDS} s answer with 502",
            f"raise --keep-alive-seconds above {BALANCER_SECONDS}, unless none is in front",
        )
