"""Callers that keep an address busy."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from service import load
from service.load import Caller, Sample, keep_busy, post

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
REQUEST = post("127.0.0.1", 80, "/classify", b"picture")


@contextmanager
def answering(*parts: bytes, close: bool = False) -> Iterator[tuple[str, int]]:
    """Listen; answer every request with `parts`, sent one by one, then maybe hang up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve(connection: socket.socket) -> None:
            with connection:
                while connection.recv(len(REQUEST), socket.MSG_WAITALL):
                    for part in parts:
                        connection.sendall(part)
                    if close:
                        return

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield listener.getsockname()
        listener.shutdown(socket.SHUT_RDWR)
    accepting.join()


def test_a_request_is_whole():
    head, _, body = REQUEST.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /classify HTTP/1.1\r\nHost: 127.0.0.1:80\r\n")
    assert b"Content-Length: 7" in head
    assert body == b"picture"


def test_every_caller_is_answered_again_and_again():
    with answering(OK) as address:
        sample = keep_busy(address, REQUEST, callers=3, seconds=0.1)
    assert len(sample.latencies_seconds) > 3
    assert all(0 < latency < sample.seconds for latency in sample.latencies_seconds)
    assert sample.errors == {}


def test_every_caller_asks_at_least_once():
    with answering(OK) as address:
        sample = keep_busy(address, REQUEST, callers=3, seconds=0)
    assert len(sample.latencies_seconds) == 3


def test_an_answer_in_pieces_counts_once_it_is_whole():
    with answering(OK[:20], OK[20:-1], OK[-1:]) as address:
        sample = keep_busy(address, REQUEST, callers=1, seconds=0)
    assert len(sample.latencies_seconds) == 1


def test_another_status_is_an_error_and_the_caller_goes_on():
    with answering(BUSY) as address:
        sample = keep_busy(address, REQUEST, callers=1, seconds=0.05)
    assert sample.latencies_seconds == ()
    assert sample.errors["503"] > 1


def test_a_caller_whose_connection_ends_is_an_error_and_leaves():
    with answering(OK[:5], close=True) as address:
        sample = keep_busy(address, REQUEST, callers=2, seconds=1)
    assert sample.errors == {"connection closed": 2}
    assert sample.seconds < 1


def test_what_is_no_http_answer_is_an_error():
    with answering(b"SSH-2.0\r\n\r\n") as address:
        sample = keep_busy(address, REQUEST, callers=1, seconds=1)
    assert sample.errors == {"answer without status or length": 1}


def test_a_server_that_never_answers_ends_the_load(monkeypatch):
    monkeypatch.setattr(load, "ANSWER_SECONDS", 0.05)
    with answering() as address:
        sample = keep_busy(address, REQUEST, callers=2, seconds=0)
    assert sample.errors == {"no answer": 2}


def test_nobody_listening_is_an_os_error():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with pytest.raises(ConnectionRefusedError):
        Caller(address, REQUEST)


def test_throughput_is_answers_over_time():
    assert Sample((0.1, 0.1, 0.2), seconds=2).per_second == 1.5
