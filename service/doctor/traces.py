"""Whether traces are exported, and whether somebody takes them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from service.doctor.check import Check
from service.errors import InvalidParameter, PackageMissing
from service.tracing import ENDPOINTS, open_tracing

ASKING_SECONDS = 2
PORTS = {"http": 80, "https": 443}
FASTAPI_VARIABLE = "FASTAPI_OTEL_AUTO_CONFIGURE"


def traces(environment: Mapping[str, str] = os.environ) -> Iterator[Check]:
    """Look at OpenTelemetry's variables; their values may be secrets and are not told."""
    names = sorted(name for name in environment if name.startswith("OTEL_"))
    facts = {"variables": names}
    if environment.get(FASTAPI_VARIABLE):
        found = f"{FASTAPI_VARIABLE} is set, and adds spans that hold queries"
        yield Check("traces", "warning", found, "unset it")
    try:
        tracing = open_tracing(environment)
    except (InvalidParameter, PackageMissing) as error:
        detail, _, remedy = error.detail.rpartition("; ")
        yield Check("traces", "error", detail, remedy, facts)
        return
    if tracing is None:
        found = f"off, although {', '.join(names)} is set" if names else "off; no OTEL_ variable"
        yield Check("traces", "ok", found, facts=facts)
        return
    tracing.close()
    yield _collector(next(environment[name] for name in ENDPOINTS if environment.get(name)), facts)


def _collector(endpoint: str, facts: Mapping[str, object]) -> Check:
    parts = urlsplit(endpoint)
    host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 4318)
    where = f"{host} port {port}"
    try:
        socket.create_connection((host, port), ASKING_SECONDS).close()
    except OSError as error:
        return Check(
            "traces",
            "warning",
            f"the collector on {where} does not answer: {error.strerror or error}",
            "start it, or correct OTEL_EXPORTER_OTLP_ENDPOINT; requests are answered all the same",
            facts,
        )
    return Check("traces", "ok", f"sent to the collector on {where}, which answers", facts=facts)
