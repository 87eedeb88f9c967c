"""Makes a span of each request, with a child for each stage, and sends them over OTLP.

The names are those of OpenTelemetry's semantic conventions for HTTP servers. A query is left out,
since it may say what a picture shows, and so is the caller's address.
"""

from __future__ import annotations

import threading
from http import HTTPMethod

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import Scope

from service import __version__
from service.exchange import Exchange

KNOWN_METHODS = frozenset(HTTPMethod)
UNNAMED = "unknown_service"  # what the SDK says where no variable names the service
FLUSH_SECONDS = 5.0
SERVER_ERRORS = 500


class RequestSpans:
    """The spans of one application, exported in batches from a thread of the SDK.

    Invariant: it is no one's global provider, so that two applications do not share it.
    """

    def __init__(self) -> None:
        """Read the endpoint, the sampler and all else from the variables of OpenTelemetry."""
        self._exporter = OTLPSpanExporter()
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("vitrine", __version__)
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, exchange: Exchange, scope: Scope) -> Span:
        """Begin the span of a request, below the caller's own where `traceparent` names one."""
        headers = Headers(scope=scope)
        attributes = {
            "http.request.method": exchange.method
            if exchange.method in KNOWN_METHODS
            else "_OTHER",
            "url.path": scope["path"],
            "url.scheme": scope["scheme"],
            "network.protocol.version": scope["http_version"],
            "vitrine.request_id": exchange.request_id,
        }
        if agent := headers.get("user-agent"):
            attributes["user_agent.original"] = agent
        span = self._tracer.start_span(
            _verb(exchange),
            context=self._propagator.extract(headers),
            kind=SpanKind.SERVER,
            attributes=attributes,
            start_time=exchange.started_nanoseconds,
        )
        known = span.get_span_context()
        exchange.trace_id, exchange.span_id = f"{known.trace_id:032x}", f"{known.span_id:016x}"
        return span

    def end(self, span: Span, exchange: Exchange) -> None:
        """End a request's span, and give it the stages that are over as children."""
        if not span.is_recording():
            return
        span.update_name(f"{_verb(exchange)} {exchange.route}")
        for name, value in _facts(exchange).items():
            span.set_attribute(name, value)
        if exchange.status >= SERVER_ERRORS:
            span.set_attribute("error.type", exchange.problem or str(exchange.status))
            span.set_status(StatusCode.ERROR)
        parent = set_span_in_context(span)
        for stage in exchange.stages:
            child = self._tracer.start_span(
                stage.name,
                context=parent,
                attributes={f"vitrine.{name}": count for name, count in stage.sizes.items()},
                start_time=exchange.nanoseconds(stage.started),
            )
            child.end(exchange.nanoseconds(stage.started + stage.seconds))
        span.end(exchange.nanoseconds(exchange.started + exchange.seconds))

    def close(self) -> None:
        """Send what is left; give up after `FLUSH_SECONDS` where no collector answers."""
        sending = threading.Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        sending.join(FLUSH_SECONDS)
        if sending.is_alive():
            self._exporter.shutdown()  # type: ignore[no-untyped-call] # ends its retries


def _verb(exchange: Exchange) -> str:
    return exchange.method if exchange.method in KNOWN_METHODS else "HTTP"


def _facts(exchange: Exchange) -> dict[str, str | int]:
    facts: dict[str, str | int] = {
        "http.route": exchange.route,
        "http.response.status_code": exchange.status,
        "http.request.body.size": exchange.bytes_in,
        "http.response.body.size": exchange.bytes_out,
        "vitrine.model": exchange.model,
    }
    return {name: value for name, value in facts.items() if value != ""}


def _resource() -> Resource:
    resource = Resource.create()
    ours: dict[str, str] = {}
    if str(resource.attributes.get(SERVICE_NAME, UNNAMED)).startswith(UNNAMED):
        ours[SERVICE_NAME] = "vitrine"
    if SERVICE_VERSION not in resource.attributes:
        ours[SERVICE_VERSION] = __version__
    return resource.merge(Resource(ours))
