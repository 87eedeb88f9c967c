"""Callers who are too slow, too many or too greedy, with raw sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress

import httpx
import pytest
from starlette.responses import Response

from service.connection import MAX_HEADER_BYTES, SPARE_CONNECTIONS
from service.errors import Overloaded, RequestTimeout
from tests.service.live import PATIENCE_SECONDS, Command, Live, command, serving
from tests.service.pictures import draw, encode
from tests.service.problems import assert_problem
from tests.service.waiting import until

PNG = encode(draw())
SHORT = 0.3  # seconds
GET = b"GET /health/live HTTP/1.1\r\nHost: vitrine\r\n\r\n"
LARGE = 16 * 1024 * 1024  # more than the kernel holds for a caller of a small window
WINDOW = 1024 * 1024


@pytest.fixture(scope="module")
def hasty(tiny_bundles) -> Iterator[Live]:
    """A server that waits for nobody."""
    limits = {"header_seconds": SHORT, "body_seconds": SHORT, "write_seconds": SHORT}
    with serving(tiny_bundles, **limits) as server:
        server.app.add_api_route("/large", large)
        server.app.add_api_route("/busy", busy)
        yield server


async def busy() -> None:
    """Keep the event loop from reading what comes, once this is answered."""
    asyncio.get_running_loop().call_later(SHORT / 10, time.sleep, SHORT / 2)


async def large() -> Response:
    return Response(bytes(LARGE))


@contextmanager
def caller(server: Live | Command) -> Iterator[socket.socket]:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
        connection.settimeout(PATIENCE_SECONDS)
        connection.connect(server.host_and_port if isinstance(server, Command) else server.address)
        yield connection


def read_answer(connection: socket.socket) -> httpx.Response:
    """Read one answer whose length is told, and nothing of the next."""
    with closing(connection.makefile("rb", buffering=0)) as stream:
        status = int(stream.readline().split()[1])
        lines = iter(stream.readline, b"\r\n")
        headers = httpx.Headers([line.strip().split(b": ", 1) for line in lines])
        body = stream.read(int(headers["content-length"]))
    return httpx.Response(status, headers=headers, content=body)


def wait_until_closed(connection: socket.socket) -> None:
    """Wait for the end of the connection, which comes without another byte.

    A test whose patience ends before the 75 s of an idle connection fails with a TimeoutError.
    """
    with suppress(ConnectionResetError):
        assert connection.recv(1) == b""


def post_head(length: int, path: str = "/classify") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: vitrine\r\nContent-Length: {length}\r\n\r\n".encode()


@pytest.mark.parametrize(
    "beginning", [b"", b"G", b"\r\n", b"GET /health/live HTTP/1.1\r\nHost: v"], ids=repr
)
def test_a_connection_whose_headers_do_not_come_is_closed_quietly(hasty: Live, beginning) -> None:
    with caller(hasty) as connection:
        connection.sendall(beginning)
        wait_until_closed(connection)


def test_headers_that_come_letter_by_letter_do_not_gain_time(hasty: Live) -> None:
    with caller(hasty) as connection:
        started = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() < started + PATIENCE_SECONDS:
                connection.sendall(b"X")
                time.sleep(0.02)
        assert time.monotonic() - started < PATIENCE_SECONDS


def test_an_idle_connection_stays_open_and_its_next_headers_must_come_in_time(hasty: Live) -> None:
    with caller(hasty) as connection:
        connection.sendall(GET)
        assert read_answer(connection).status_code == 200
        time.sleep(SHORT * 1.5)  # idle is no slow header
        connection.sendall(GET)
        assert read_answer(connection).status_code == 200
        connection.sendall(GET[:9])
        wait_until_closed(connection)


def test_line_breaks_do_not_keep_an_idle_connection_open(hasty: Live) -> None:
    with caller(hasty) as connection:
        connection.sendall(GET)
        assert read_answer(connection).status_code == 200
        connection.sendall(b"\r\n")
        wait_until_closed(connection)


def test_headers_that_never_end_are_refused(hasty: Live) -> None:
    with caller(hasty) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX-Long: " + b"x" * (MAX_HEADER_BYTES + 1))
        answer = read_answer(connection)
        assert answer.status_code == 431
        assert f"{MAX_HEADER_BYTES:,}" in json.loads(answer.content)["detail"]
        wait_until_closed(connection)


def test_a_body_that_came_with_the_next_headers_is_not_counted_as_headers(hasty: Live) -> None:
    body = bytes(MAX_HEADER_BYTES + 1024)
    head, next_head = post_head(len(body)), post_head(len(PNG))
    with caller(hasty) as connection, caller(hasty) as other:
        connection.sendall(head)
        other.sendall(b"GET /busy HTTP/1.1\r\nHost: vitrine\r\n\r\n")
        assert read_answer(other).status_code == 200  # from here on, nothing is read for a while
        time.sleep(SHORT / 5)
        connection.sendall(body + next_head[:-2])
        assert read_answer(connection).status_code == 415
        connection.sendall(next_head[-2:] + PNG)
        assert read_answer(connection).status_code == 200


@pytest.mark.parametrize("pieces", [1, 2, 5])
def test_a_body_that_came_in_pieces_before_it_is_read_is_read_whole(hasty: Live, pieces) -> None:
    size = -(-len(PNG) // pieces)
    chunks = [PNG[start : start + size] for start in range(0, len(PNG), size)]
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])
    head = b"POST /classify HTTP/1.1\r\nHost: vitrine\r\nTransfer-Encoding: chunked\r\n\r\n"
    with caller(hasty) as connection:
        connection.sendall(head + body + GET)
        classified, alive = read_answer(connection), read_answer(connection)
    assert classified.status_code == alive.status_code == 200
    told = hasty.client.post("/classify", content=PNG).json()["predictions"]
    assert classified.json()["predictions"] == told
    assert len(chunks) == pieces


def test_an_answer_comes_whole_in_one_piece(hasty: Live) -> None:
    with caller(hasty) as connection:
        connection.sendall(GET)
        head, _, body = connection.recv(WINDOW).partition(b"\r\n\r\n")
        length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length"))
        assert int(length.partition(b":")[2]) == len(body) > 0


@pytest.mark.parametrize("last", [b"", b"Connection: close\r\n"], ids=["kept", "closed"])
def test_a_head_without_a_body_comes_too(hasty: Live, last) -> None:
    with caller(hasty) as connection:
        connection.sendall(b"HEAD /docs HTTP/1.1\r\nHost: vitrine\r\n" + last + b"\r\n")
        answer = connection.recv(WINDOW)
        assert answer.startswith(b"HTTP/1.1 ")
        assert answer.endswith(b"\r\n\r\n")
        if last:
            wait_until_closed(connection)


def test_requests_sent_ahead_are_answered_in_turn_but_not_thousands(hasty: Live) -> None:
    with caller(hasty) as connection:
        connection.sendall(GET * 3)
        assert [read_answer(connection).status_code for _ in range(3)] == [200] * 3
        connection.sendall(GET * 1000)
        received = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        assert received.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("path", ["/classify", "/explain"])
def test_a_body_that_comes_too_slowly_is_a_request_timeout(hasty: Live, path) -> None:
    counted = hasty.metric("vitrine_rejected_total", reason="request-timeout")
    with caller(hasty) as connection:
        connection.sendall(post_head(len(PNG), path))
        for byte in PNG[:3]:
            connection.sendall(bytes([byte]))
            time.sleep(SHORT / 10)
        answer = read_answer(connection)
        assert_problem(answer, RequestTimeout, "did not come within 0.3 s", "send a smaller one")
        assert answer.headers["connection"] == "close"
        wait_until_closed(connection)
    assert hasty.metric("vitrine_rejected_total", reason="request-timeout") == counted + 1


def test_a_body_that_comes_in_time_may_be_answered_later(tiny_bundles) -> None:
    with serving(tiny_bundles, body_seconds=SHORT) as server, ExitStack() as stack:
        connection = stack.enter_context(caller(server))
        with server.busy_engine():
            connection.sendall(post_head(len(PNG)) + PNG)
            time.sleep(SHORT * 1.5)
        assert read_answer(connection).status_code == 200


def test_the_rest_of_a_body_that_was_refused_must_come_in_time(hasty: Live) -> None:
    with caller(hasty) as connection:
        connection.sendall(post_head(1000, "/nothing"))
        assert read_answer(connection).status_code == 404
        connection.sendall(b"x")
        wait_until_closed(connection)


def test_a_caller_who_does_not_read_its_answer_is_left_and_the_memory_freed(hasty: Live) -> None:
    with caller(hasty) as connection:
        connection.sendall(GET.replace(b"/health/live", b"/large"))
        until(lambda: connection.getsockname() in [one.client for one in hasty.connections])
        (open_now,) = [one for one in hasty.connections if one.client == connection.getsockname()]
        until(lambda: open_now.transport.get_write_buffer_size() > 0)
        until(lambda: open_now not in hasty.connections)
        assert open_now.transport.get_write_buffer_size() == 0
        received = 0
        with suppress(ConnectionResetError):
            while chunk := connection.recv(1 << 20):
                received += len(chunk)
        assert received < LARGE


def test_a_caller_who_reads_slowly_gets_the_whole_answer(tiny_bundles) -> None:
    with serving(tiny_bundles, write_seconds=1) as server, caller(server) as connection:
        server.app.add_api_route("/large", large)
        server.app.add_api_route("/busy", busy)
        started = time.monotonic()
        connection.sendall(GET.replace(b"/health/live", b"/large"))
        received = 0
        while received < LARGE:
            chunk = connection.recv(LARGE // 8, socket.MSG_WAITALL)
            assert chunk
            received += len(chunk)
            time.sleep(0.15)
        assert time.monotonic() - started > 1


def test_connections_beyond_the_limit_get_probes_alone_and_the_last_are_closed(
    tiny_bundles,
) -> None:
    with serving(tiny_bundles, max_connections=2) as server, ExitStack() as stack:
        server.client.close()
        until(lambda: not server.connections)
        taken = [stack.enter_context(caller(server)) for _ in range(2)]
        until(lambda: len(server.connections) == 2)
        with caller(server) as spare:
            spare.sendall(GET)
            answer = read_answer(spare)
            assert answer.status_code == 200
            assert answer.headers["connection"] == "close"
            wait_until_closed(spare)
        with caller(server) as spare:
            spare.sendall(GET.replace(b"/health/live", b"/models"))
            answer = read_answer(spare)
            assert_problem(answer, Overloaded, "all connections are taken", "try again")
            assert answer.headers["retry-after"] == "1"
        until(lambda: len(server.connections) == 2)
        for _ in range(SPARE_CONNECTIONS):
            stack.enter_context(caller(server))
        until(lambda: len(server.connections) == 2 + SPARE_CONNECTIONS)
        with caller(server) as one_more:
            wait_until_closed(one_more)
        taken[0].sendall(GET.replace(b"/health/live", b"/models"))
        assert read_answer(taken[0]).status_code == 200


def test_the_command_waits_as_long_as_its_flags_say(tiny_bundles) -> None:
    options = ["--header-seconds", "0.3", "--keep-alive-seconds", "1", "--max-connections", "1"]
    with command(tiny_bundles, *options) as server:
        with caller(server) as connection:
            connection.sendall(GET)
            assert read_answer(connection).status_code == 200
            with caller(server) as spare:
                spare.sendall(GET.replace(b"/health/live", b"/models"))
                assert read_answer(spare).status_code == Overloaded.status
            wait_until_closed(connection)
        with caller(server) as connection:
            connection.sendall(GET[:9])
            wait_until_closed(connection)
