"""Callers that keep an address busy."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from service.benchmarking import closed_loop
from service.benchmarking.closed_loop import keep_busy
from service.benchmarking.request import post
from service.benchmarking.sample import Sample
from tests.service.benchmarking.answering import BUSY, OK
from tests.service.benchmarking.answering import answering as answering_each

REQUEST = post(("127.0.0.1", 80), "/classify", b"picture")


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
    assert sample.errors["503"] == len(sample.refusals_seconds) > 1


def test_a_caller_whose_connection_ends_is_an_error_and_connects_again():
    with answering(OK[:5], close=True) as address:
        sample = keep_busy(address, REQUEST, callers=2, seconds=0.05)
    assert sample.errors["connection closed"] > 2


def test_a_caller_that_cannot_reach_the_server_any_longer_leaves():
    with answering(OK[:5], close=True) as address:
        keep_busy(address, REQUEST, callers=1, seconds=0)
    with pytest.raises(ConnectionRefusedError):
        keep_busy(address, REQUEST, callers=1, seconds=60)


def test_what_is_no_http_answer_is_an_error():
    with answering(b"SSH-2.0\r\n\r\n") as address:
        sample = keep_busy(address, REQUEST, callers=1, seconds=0)
    assert sample.errors == {"no http answer": 1}


def test_a_server_that_never_answers_ends_the_load(monkeypatch):
    monkeypatch.setattr(closed_loop, "ANSWER_SECONDS", 0.05)
    with answering() as address:
        sample = keep_busy(address, REQUEST, callers=2, seconds=0)
    assert sample.errors == {"no answer": 2}


def test_an_answer_without_a_length_ends_with_the_connection():
    with answering(b"HTTP/1.1 200 OK\r\n\r\n", b"o", b"k", close=True) as address:
        sample = keep_busy(address, REQUEST, callers=1, seconds=0)
    assert (len(sample.latencies_seconds), sample.errors) == (1, {})


def test_an_answer_in_chunks_ends_with_the_last_one():
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with answering(head, b"5\r\n0\r\n\r\n", b"\r\n", b"0\r\n\r\n") as address:
        sample = keep_busy(address, REQUEST, callers=1, seconds=0.05)
    assert len(sample.latencies_seconds) > 1
    assert sample.errors == {}


def test_an_answer_that_comes_before_the_request_is_sent_whole_counts():
    is_over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            listener.accept()[0].close()  # who only looks whether anybody listens
            connection, _ = listener.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(BUSY)
                is_over.wait()

        thread = threading.Thread(target=refuse)
        thread.start()
        address = listener.getsockname()
        large = post(address, "/classify", bytes(20_000_000))
        sample = keep_busy(address, large, callers=1, seconds=0)
        is_over.set()
        thread.join()
    assert sample.errors == {"503": 1}
    assert len(sample.refusals_seconds) == 1


def test_connections_are_kept_or_made_for_each_request():
    async def answer(number: int) -> bytes:
        return OK

    for connect_each in (False, True):
        with answering_each(answer) as seen:
            request = post(seen.address, "/classify", b"picture")
            sample = keep_busy(
                seen.address, request, callers=2, seconds=0.3, connect_each=connect_each
            )
        asked = len(sample.latencies_seconds)
        assert asked == len(seen.requests) > 2
        assert seen.connections == 1 + (asked if connect_each else 2)  # one looks who listens


def test_throughput_is_answers_over_time():
    assert Sample((0.1, 0.1, 0.2), seconds=2).per_second == 1.5
