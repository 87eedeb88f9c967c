"""Whether traces are exported: OpenTelemetry's usual variables decide.

Where they are not set, nothing of OpenTelemetry's SDK is imported.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from service.errors import InvalidParameter, PackageMissing
from service.extra import not_installed

if TYPE_CHECKING:
    from service.spans import RequestSpans

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
SPOKEN = "http/protobuf"


def open_tracing(environment: Mapping[str, str] = os.environ) -> RequestSpans | None:
    """Open the export of traces, or nothing where the variables do not ask for it.

    Raises PackageMissing when they ask for what is not installed, InvalidParameter for what is not
    spoken.
    """
    endpoint = _first_set(ENDPOINTS, environment)
    if not endpoint or _is_off(environment):
        return None
    protocol = _first_set(PROTOCOLS, environment)
    if protocol and environment[protocol] != SPOKEN:
        raise InvalidParameter(
            f"{protocol} is {environment[protocol]!r}, but traces are sent as {SPOKEN}; "
            f"set it so, and {endpoint} to the collector's port for HTTP, usually 4318"
        )
    try:
        from service.spans import RequestSpans
    except ModuleNotFoundError as error:
        told = not_installed("OpenTelemetry", "'vitrine[otel]'")
        raise PackageMissing(f"{endpoint} is set, but {told}, or unset {endpoint}") from error
    try:
        return RequestSpans()
    except ValueError as error:
        raise InvalidParameter(
            f"OpenTelemetry refuses its variables: {error}; correct what begins with OTEL_"
        ) from error


def _first_set(names: tuple[str, ...], environment: Mapping[str, str]) -> str | None:
    return next((name for name in names if environment.get(name)), None)


def _is_off(environment: Mapping[str, str]) -> bool:
    return (
        environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
        or environment.get("OTEL_TRACES_EXPORTER") == "none"
    )
