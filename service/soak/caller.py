"""A caller that does one thing after another: what is right, what is wrong, and leaving."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Sequence

from service.benchmarking.answer import Answer
from service.benchmarking.connection import CHUNK_BYTES, Address
from service.soak.kinds import Kind
from service.soak.record import UNANSWERED, Failure, Record

ANSWER_SECONDS = 60.0
PIECES = 8
PAUSE_SECONDS = 0.05  # between the pieces of a slow sender
REST_SECONDS = 0.02  # callers of a soak leave the server some room: it is no benchmark


class Caller:
    """One caller with one connection, made anew whenever it ended.

    Invariant: every request that it begins is told to the record once.
    """

    def __init__(self, address: Address, kinds: Sequence[Kind], record: Record, seed: int) -> None:
        self._address = address
        self._kinds = kinds
        self._record = record
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._connection: socket.socket | None = None
        self._connected = 0.0

    def run(self, is_over: threading.Event) -> None:
        """Ask, one thing after another, each of them once to begin with, until it is over."""
        weights = [kind.weight for kind in self._kinds]
        first = self._random.sample(self._kinds, len(self._kinds))
        while not is_over.is_set():
            kind = first.pop() if first else self._random.choices(self._kinds, weights)[0]
            self.ask(kind)
            is_over.wait(REST_SECONDS)
        self._hang_up()

    def ask(self, kind: Kind) -> None:
        """Send one request, and record what came of it."""
        try:
            connection = self._connect()
            if kind.manner in ("half", "unread"):
                end = len(kind.request) // 2 if kind.manner == "half" else len(kind.request)
                connection.sendall(kind.request[:end])
                self._hang_up()
                self._record.count(kind.name, "left")
                return
            self._send(connection, kind)
            answer = self._receive(connection)
        except OSError as error:
            self._fail(kind, _reason(error), is_broken=not isinstance(error, TimeoutError))
            self._hang_up()
            return
        if answer.status == kind.expected:
            self._record.count(kind.name, answer.status)
        else:
            self._fail(kind, answer.status, is_broken=False)
        if not answer.keeps_connection:
            self._hang_up()

    def _connect(self) -> socket.socket:
        if self._connection is None or _is_closed(self._connection):
            self._hang_up()
            self._connected = time.monotonic()
            self._connection = socket.create_connection(self._address, ANSWER_SECONDS)
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._connection

    def _send(self, connection: socket.socket, kind: Kind) -> None:
        pieces = PIECES if kind.manner == "slowly" else 1
        size = -(-len(kind.request) // pieces)
        try:
            for start in range(0, len(kind.request), size):
                if start:
                    time.sleep(PAUSE_SECONDS)
                connection.sendall(kind.request[start : start + size])
        except (BrokenPipeError, ConnectionResetError):
            return  # who refuses a request need not read it to its end: an answer may be there

    def _receive(self, connection: socket.socket) -> Answer:
        answer = Answer()
        while True:
            chunk = connection.recv(CHUNK_BYTES)
            if not chunk:
                answer.end()
                return answer
            if answer.take(chunk):
                return answer

    def _fail(self, kind: Kind, found: str, *, is_broken: bool) -> None:
        self._record.fail(Failure(kind.name, found, is_broken, self._connected, time.monotonic()))

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _is_closed(connection: socket.socket) -> bool:
    """Whether the server closed it while it was idle, as it may."""
    connection.setblocking(False)
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(ANSWER_SECONDS)


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return UNANSWERED
    return f"{UNANSWERED}: {(error.strerror or str(error)).lower()}"
