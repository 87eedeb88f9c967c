"""What is written to the log, and what never is."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import Request

from service.exchange import Exchange
from service.logs import log_access, log_handler
from tests.service.live import Live, command, serving
from tests.service.pictures import draw, encode, text_of
from tests.service.waiting import until

PICTURE = encode(draw())
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
logger = logging.getLogger("vitrine.test_logs")


@contextmanager
def written(form: str) -> Iterator[io.StringIO]:
    """Collect what the loggers of Vitrine write, as `serve` would write it."""
    stream = io.StringIO()
    handler = log_handler(form, stream)
    logging.getLogger("vitrine").addHandler(handler)
    try:
        yield stream
    finally:
        logging.getLogger("vitrine").removeHandler(handler)


@dataclass(frozen=True)
class Logging:
    """A server with an access log, and the lines that it has written."""

    live: Live
    stream: io.StringIO

    def lines(self, request_id: str) -> list[dict[str, Any]]:
        """Give the lines of a request."""
        lines = map(json.loads, self.stream.getvalue().splitlines())
        return [line for line in lines if line.get("request_id") == request_id]

    def access(self, path: str, request_id: str, **request: Any) -> dict[str, Any]:
        """Ask for a path and give its line of the access log."""
        headers = {"X-Request-Id": request_id}
        self.live.client.request(request.pop("method", "POST"), path, headers=headers, **request)
        until(lambda: self.access_lines(request_id))  # it is written when the answer has gone
        (line,) = self.access_lines(request_id)
        return line

    def access_lines(self, request_id: str) -> list[dict[str, Any]]:
        """Give the lines of a request in the access log."""
        return [line for line in self.lines(request_id) if line["logger"] == "vitrine.access"]


@pytest.fixture(scope="module")
def server(tiny_bundles) -> Iterator[Logging]:
    with written("json") as stream, serving(tiny_bundles, access_log=True) as live:

        @live.app.get("/in-a-thread")
        async def in_a_thread() -> None:
            await live.context.in_thread(lambda: logger.info("from a thread"))

        @live.app.get("/break")
        async def break_down() -> None:
            raise RuntimeError("secret detail")

        @live.app.get("/with-a-key")
        async def with_a_key(request: Request) -> None:
            request.state.key_name = "ops"

        yield Logging(live, stream)


def test_a_request_is_one_line_that_says_what_was_asked_and_how_it_went(server) -> None:
    line = server.access("/classify?top_k=1", "one", content=PICTURE)
    assert RFC_3339.fullmatch(line.pop("time"))
    assert 0 < line.pop("milliseconds") < 60_000
    assert line.pop("bytes_out") > 100
    assert line.pop("process") == os.getpid()
    assert line.pop("message").startswith("method=POST route=/classify status=200 milliseconds=")
    assert line == {
        "level": "info",
        "logger": "vitrine.access",
        "request_id": "one",
        "method": "POST",
        "route": "/classify",
        "status": 200,
        "bytes_in": len(PICTURE),
        "model": "tiny/1",
    }


def test_a_refusal_names_its_problem(server) -> None:
    line = server.access("/classify", "refused", content=b"no picture")
    assert (line["status"], line["reason"]) == (415, "unsupported-media-type")


def test_the_name_of_the_key_is_told(server) -> None:
    assert server.access("/with-a-key", "keyed", method="GET")["key_name"] == "ops"


def test_neither_query_nor_path_nor_content_is_told(server) -> None:
    server.access("/classify?model=secret-name", "hush", json={"image": text_of(PICTURE)})
    server.access("/secret-path", "hush-2", method="GET")
    assert server.lines("hush-2")[0]["route"] == "unmatched"
    assert "secret-" not in server.stream.getvalue()
    assert text_of(PICTURE)[:40] not in server.stream.getvalue()


def test_a_line_from_a_thread_carries_the_id_of_its_request(server) -> None:
    server.access("/in-a-thread", "threaded", method="GET")
    assert "from a thread" in [line["message"] for line in server.lines("threaded")]


def test_a_line_outside_requests_carries_no_id(server) -> None:
    logger.warning("from outside")
    assert json.loads(server.stream.getvalue().splitlines()[-1]).keys() == {
        "time",
        "level",
        "logger",
        "process",
        "message",
    }


def test_an_unforeseen_error_is_logged_with_its_stack_in_one_line(server) -> None:
    server.access("/break", "broken", method="GET")
    (line,) = [one for one in server.lines("broken") if "exception" in one]
    assert line["level"] == "error"
    assert "break_down" in line["exception"]
    assert line["exception"].endswith("RuntimeError: secret detail")


def test_no_access_is_logged_unless_it_is_asked_for(live: Live) -> None:
    with written("json") as stream:
        live.client.post("/classify", content=PICTURE)
    assert stream.getvalue() == ""


def test_text_is_one_line_with_the_ids_at_its_end() -> None:
    with written("text") as stream, Exchange("my-id") as exchange:
        exchange.trace_id, exchange.span_id = "ab", "cd"
        logger.warning("something happened")
    time, rest = stream.getvalue().split(" ", 1)
    assert RFC_3339.fullmatch(time)
    assert rest == (
        f"WARNING vitrine.test_logs[{os.getpid()}] something happened "
        "request_id=my-id trace_id=ab span_id=cd\n"
    )


def test_what_a_caller_sends_cannot_forge_a_line_of_text() -> None:
    with written("text") as stream, Exchange("my-id") as exchange:
        exchange.method = "GET\n2030-01-01 INFO forged\x1b[2J"
        log_access(exchange)
    assert len(stream.getvalue().splitlines()) == 1
    assert r"GET\n2030-01-01 INFO forged\x1b[2J" in stream.getvalue()


def test_the_command_writes_every_line_as_json_uvicorns_too(tiny_bundles) -> None:
    options = ("--log-format", "json", "--access-log", "--log-level", "warning", "--threads", "1")
    with command(tiny_bundles, *options) as running:
        with socket.create_connection(running.host_and_port) as caller:
            caller.sendall(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\nno HTTP\r\n\r\n")
            while caller.recv(65536):
                pass
        running.process.terminate()
        _, errors = running.process.communicate(timeout=60)
    lines = [json.loads(line) for line in errors.splitlines()]
    assert {line["logger"] for line in lines} == {"vitrine.access", "uvicorn.error"}


def test_a_process_that_only_logs_loads_no_engine_and_no_metrics() -> None:
    code = (
        "import sys, service.logs;"
        "sys.exit(bool({'onnxruntime', 'prometheus_client', 'starlette'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
