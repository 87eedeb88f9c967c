"""Traces, as a real receiver of OTLP gets them."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from service.errors import InvalidParameter, PackageMissing
from service.logs import log_handler
from service.tracing import open_tracing
from tests.service.live import serving
from tests.service.pictures import draw, encode

PICTURE = encode(draw())
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
SOMEWHERE = {ENDPOINT: "http://127.0.0.1:4318"}
CALLERS_TRACE, CALLERS_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@contextmanager
def receiver() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """Take OTLP over HTTP: give where, and what has come."""
    received: list[ExportTraceServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()
        thread.join()


class Traced:
    """The spans that a server had sent when it had stopped, and the lines of its log."""

    def __init__(self, received: list[ExportTraceServiceRequest], log: str) -> None:
        resources = [one for request in received for one in request.resource_spans]
        self.resource = values(resources[0].resource)
        scopes = [scope for one in resources for scope in one.scope_spans]
        self.spans = [span for scope in scopes for span in scope.spans]
        self.log = [json.loads(line) for line in log.splitlines()]

    def request(self, request_id: str) -> Span:
        """Give the span of a request."""
        (span,) = [one for one in self.spans if values(one).get("vitrine.request_id") == request_id]
        return span

    def children(self, parent: Span) -> dict[str, Span]:
        """Give what is below a span, by name."""
        return {one.name: one for one in self.spans if one.parent_span_id == parent.span_id}


def values(holder: Any) -> dict[str, Any]:
    """Give the attributes of a span or a resource."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in holder.attributes}


@pytest.fixture(scope="module")
def traced(tiny_bundles) -> Iterator[Traced]:
    log = io.StringIO()
    handler = log_handler("json", log)
    logging.getLogger("vitrine").addHandler(handler)
    with receiver() as (address, received), pytest.MonkeyPatch.context() as environment:
        environment.setenv(ENDPOINT, address)
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "600000")  # only the end sends
        environment.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        with serving(tiny_bundles, access_log=True) as live:

            @live.app.get("/break")
            async def break_down() -> None:
                raise RuntimeError

            def ask(method: str, path: str, request_id: str, **headers: str) -> None:
                content = PICTURE if method == "POST" else None
                headers = {"X-Request-Id": request_id, **headers}
                live.client.request(method, path, content=content, headers=headers)

            ask("POST", "/classify?top_k=1&model=tiny", "classify")
            ask("POST", "/explain?method=attention&format=png", "explain")
            ask("POST", "/classify?model=nobody", "refused")
            ask("GET", "/break", "broken")
            ask("PROPFIND", "/coffee", "odd")
            parent = f"00-{CALLERS_TRACE}-{CALLERS_SPAN}"
            ask("GET", "/health/live", "below", traceparent=f"{parent}-01")
            ask("GET", "/health/live", "not-sampled", traceparent=f"{parent}-00")
        assert received  # it was sent before the server had ended
        yield Traced(received, log.getvalue())
    logging.getLogger("vitrine").removeHandler(handler)


def test_a_request_is_a_server_span_named_by_the_conventions_of_http(traced) -> None:
    span = traced.request("classify")
    assert (span.name, span.kind) == ("POST /classify", Span.SPAN_KIND_SERVER)
    told = values(span)
    assert told.pop("http.response.body.size") > 100
    assert told.pop("user_agent.original").startswith("python-httpx/")
    assert told == {
        "http.request.method": "POST",
        "http.route": "/classify",
        "http.response.status_code": 200,
        "http.request.body.size": len(PICTURE),
        "url.path": "/classify",
        "url.scheme": "http",
        "network.protocol.version": "1.1",
        "vitrine.model": "tiny/1",
        "vitrine.request_id": "classify",
    }


@pytest.mark.parametrize(
    ("request_id", "stages"),
    [
        ("classify", ["read", "decode", "queue", "inference", "encode"]),
        ("explain", ["read", "decode", "queue", "explain", "encode"]),
        ("below", []),
    ],
)
def test_the_stages_are_children_one_after_the_other_within_the_request(
    traced, request_id, stages
) -> None:
    parent = traced.request(request_id)
    children = traced.children(parent)
    assert list(children) == stages
    moments = [parent.start_time_unix_nano]
    for child in children.values():
        assert child.trace_id == parent.trace_id
        moments += [child.start_time_unix_nano, child.end_time_unix_nano]
    assert sorted(moments) == moments
    assert moments[-1] <= parent.end_time_unix_nano


def test_stages_tell_sizes(traced) -> None:
    children = traced.children(traced.request("classify"))
    assert values(children["read"]) == {"vitrine.bytes": len(PICTURE)}
    assert values(children["decode"]) == {"vitrine.images": 1, "vitrine.bytes": len(PICTURE)}
    assert values(children["inference"]) == {"vitrine.items": 1}


def test_the_callers_span_is_the_parent(traced) -> None:
    span = traced.request("below")
    assert span.trace_id.hex() == CALLERS_TRACE
    assert span.parent_span_id.hex() == CALLERS_SPAN


def test_what_the_caller_does_not_sample_is_not_sent(traced) -> None:
    assert "not-sampled" not in {values(span).get("vitrine.request_id") for span in traced.spans}


def test_a_failure_of_the_service_is_an_error_and_a_refusal_is_none(traced) -> None:
    broken, refused = traced.request("broken"), traced.request("refused")
    assert broken.status.code == Status.STATUS_CODE_ERROR
    assert values(broken)["error.type"] == "inference-failed"
    assert refused.status.code == Status.STATUS_CODE_UNSET
    assert values(refused)["http.response.status_code"] == 404


def test_a_method_that_http_does_not_know_is_other(traced) -> None:
    assert values(traced.request("odd"))["http.request.method"] == "_OTHER"
    assert traced.request("odd").name == "HTTP unmatched"


def test_the_service_is_named_and_the_operators_attributes_are_kept(traced) -> None:
    assert traced.resource["service.name"] == "vitrine"
    assert traced.resource["deployment.environment.name"] == "test"


def test_log_lines_name_the_trace(traced) -> None:
    span = traced.request("classify")
    (line,) = [one for one in traced.log if one.get("request_id") == "classify"]
    assert (line["trace_id"], line["span_id"]) == (span.trace_id.hex(), span.span_id.hex())


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {ENDPOINT: ""},
        {**SOMEWHERE, "OTEL_SDK_DISABLED": "true"},
        {**SOMEWHERE, "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_nothing_is_traced_unless_the_variables_ask_for_it(variables) -> None:
    assert open_tracing(variables) is None


def test_without_the_variables_nothing_of_the_sdk_is_imported() -> None:
    code = (
        "import sys; from service.app import create_app; create_app();"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', "
        "'opentelemetry.exporter'))])"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL")}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stdout) == (0, "[]\n"), ended.stderr


def test_a_missing_extra_stops_the_start_and_is_named(monkeypatch) -> None:
    monkeypatch.delitem(sys.modules, "service.spans", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    told = (
        f"{ENDPOINT} is set, but OpenTelemetry is not installed; "
        f"run pip install 'vitrine[otel]', or unset {ENDPOINT}"
    )
    with pytest.raises(PackageMissing, match=re.escape(told)):
        open_tracing(SOMEWHERE)


def test_a_protocol_that_is_not_spoken_stops_the_start() -> None:
    with pytest.raises(InvalidParameter, match=r"is 'grpc'.*http/protobuf"):
        open_tracing({**SOMEWHERE, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})


def test_a_value_that_the_sdk_does_not_take_stops_the_start(monkeypatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "0")
    with pytest.raises(InvalidParameter, match="max_queue_size must be a positive integer"):
        open_tracing(SOMEWHERE)
