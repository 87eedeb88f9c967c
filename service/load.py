"""Callers that keep an address busy, as cheaply as possible: they share the CPUs with the server.

Each caller has a connection that stays open and sends its next request when the last was answered.
All of them run in one thread, with no HTTP library.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field

ANSWER_SECONDS = 60.0  # who got no answer for so long gets none
CHUNK_BYTES = 65536
OK = "200"
HEAD_END = b"\r\n\r\n"
STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Sample:
    """What was measured in one go.

    `latencies_seconds` has one entry for each answer with status 200, `errors` counts everything
    else by what it was, `seconds` is the time from the first request to the last answer.
    """

    latencies_seconds: tuple[float, ...]
    seconds: float
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Images answered in a second."""
        return len(self.latencies_seconds) / self.seconds


def post(host: str, port: int, path: str, image: bytes) -> bytes:
    """Give the bytes of a request that posts a picture and keeps the connection."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: image/*\r\n"
        f"Content-Length: {len(image)}\r\n\r\n"
    )
    return head.encode() + image


class Caller:
    """One connection with at most one request on its way."""

    def __init__(self, address: tuple[str, int], request: bytes) -> None:
        """Connect. Raises OSError when nobody listens at the address."""
        self.connection = socket.create_connection(address, ANSWER_SECONDS)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request
        self._asked = 0.0
        self._received = b""

    @property
    def waited_seconds(self) -> float:
        """How long ago the request was sent."""
        return time.perf_counter() - self._asked

    def ask(self) -> None:
        """Send the request."""
        self._received = b""
        self._asked = time.perf_counter()
        self.connection.sendall(self._request)

    def status(self) -> str | None:
        """Take in what came; give the answer's status once it is whole.

        Raises ConnectionError when the connection ends before, or what comes is no HTTP answer.
        """
        chunk = self.connection.recv(CHUNK_BYTES)
        if not chunk:
            raise ConnectionError("connection closed")
        self._received += chunk
        head, end, body = self._received.partition(HEAD_END)
        if not end:
            return None
        status, length = STATUS.match(head), LENGTH.search(head)
        if status is None or length is None:
            raise ConnectionError("answer without status or length")
        return status[1].decode() if len(body) >= int(length[1]) else None


def keep_busy(address: tuple[str, int], request: bytes, *, callers: int, seconds: float) -> Sample:
    """Let `callers` send a request again and again for `seconds`, then wait for the last answers.

    A caller whose connection breaks counts as an error and leaves. Raises OSError when nobody
    listens at the address.
    """
    latencies: list[float] = []
    errors: Counter[str] = Counter()
    with ExitStack() as connections, selectors.DefaultSelector() as selector:
        waiting = [Caller(address, request) for _ in range(callers)]
        for caller in waiting:
            connections.enter_context(caller.connection)
            selector.register(caller.connection, selectors.EVENT_READ, caller)
        started = time.perf_counter()
        for caller in waiting:
            caller.ask()
        while selector.get_map():
            ready = selector.select(ANSWER_SECONDS)
            if not ready:
                errors["no answer"] += len(selector.get_map())
                break
            may_ask = time.perf_counter() - started < seconds
            for key, _ in ready:
                if not _goes_on(key.data, may_ask, latencies, errors):
                    selector.unregister(key.fileobj)
        return Sample(tuple(latencies), time.perf_counter() - started, dict(errors))


def _goes_on(caller: Caller, may_ask: bool, latencies: list[float], errors: Counter[str]) -> bool:
    try:
        status = caller.status()
        if status is None:
            return True
        if status == OK:
            latencies.append(caller.waited_seconds)
        else:
            errors[status] += 1
        if may_ask:
            caller.ask()
    except OSError as error:
        errors[str(error)] += 1
        return False
    return may_ask
