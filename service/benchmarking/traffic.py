"""The connections of one thread to one server, and what came of their requests.

It is as cheap as can be, plain sockets and no HTTP library: it shares the CPUs with the server.
"""

from __future__ import annotations

import selectors
import time
from collections import Counter
from types import TracebackType
from typing import Self

from service.benchmarking.answer import Answer
from service.benchmarking.connection import Address, Connection
from service.benchmarking.sample import Sample

OK = "200"
REFUSED = ("429", "503")


class Traffic:
    """Requests on their way over as many connections, and connections kept for the next ones.

    Invariant: every open connection is in the selector; those in `_idle` have no request.
    """

    def __init__(self, address: Address, request: bytes, *, connect_each: bool = False) -> None:
        self._address = address
        self._request = request
        self._connect_each = connect_each
        self._selector = selectors.DefaultSelector()
        self._idle: list[Connection] = []
        self._latencies: list[float] = []
        self._refusals: list[float] = []
        self._errors: Counter[str] = Counter()
        self.waiting = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection."""
        for key in [*self._selector.get_map().values()]:
            key.data.socket.close()
        self._selector.close()

    def ask(self, due_seconds: float) -> bool:
        """Send a request that was due at a time; its latency counts from there.

        Gives whether it is on its way; where the server cannot be reached, that is an error.
        """
        connection = self._idle.pop() if self._idle else self._connect()
        if connection is None:
            return False
        try:
            connection.ask(self._request, due_seconds)
        except OSError as error:
            self._drop(connection, error)
            return False
        self.waiting += 1
        self._watch(connection)
        return True

    def wait(self, seconds: float) -> int | None:
        """Wait for something to happen; give how many requests ended, none where nothing came."""
        ready = self._selector.select(max(seconds, 0))
        if not ready:
            return None
        return sum(self._advance(key.data) for key, _ in ready)

    def give_up(self, reason: str, count: int) -> None:
        """Count requests that are not waited for any longer."""
        if count:
            self._errors[reason] += count

    def sample(self, seconds: float, held_back: int = 0) -> Sample:
        """Give what was measured so far."""
        return Sample(
            latencies_seconds=tuple(self._latencies),
            seconds=seconds,
            errors=dict(self._errors),
            refusals_seconds=tuple(self._refusals),
            held_back=held_back,
        )

    def _connect(self) -> Connection | None:
        try:
            connection = Connection(self._address)
        except OSError as error:
            self._errors[_reason(error)] += 1
            return None
        self._selector.register(connection.socket, connection.watched_events, connection)
        return connection

    def _watch(self, connection: Connection) -> None:
        if connection.watched_events != connection.events:
            connection.watched_events = connection.events
            self._selector.modify(connection.socket, connection.watched_events, connection)

    def _advance(self, connection: Connection) -> bool:
        if not connection.is_asked:  # the server does not keep it longer
            self._idle.remove(connection)
            self._close(connection)
            return False
        try:
            answer = connection.advance()
        except OSError as error:
            self.waiting -= 1
            self._drop(connection, error)
            return True
        if answer is None:
            self._watch(connection)
            return False
        self.waiting -= 1
        self._count(connection, answer)
        return True

    def _count(self, connection: Connection, answer: Answer) -> None:
        latency = time.perf_counter() - connection.due_seconds
        if answer.status == OK:
            self._latencies.append(latency)
        else:
            self._errors[answer.status] += 1
        if answer.status in REFUSED:
            self._refusals.append(latency)
        connection.is_asked = False
        if self._connect_each or not connection.can_be_kept(answer):
            self._close(connection)
        else:
            self._idle.append(connection)

    def _drop(self, connection: Connection, error: OSError) -> None:
        self._errors[_reason(error)] += 1
        self._close(connection)

    def _close(self, connection: Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.socket.close()


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
