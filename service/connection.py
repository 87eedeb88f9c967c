"""One caller's connection: bounded in number, in the time it may take and in what it may hold.

uvicorn has a timer for idle connections alone. A caller that sends its headers letter by letter, or
never reads its answer, would hold memory for as long as it likes.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from service.access import IS_SPARE
from service.errors import InvalidInput
from service.gathered_writes import GatheredWrites
from service.settings import Settings

MAX_HEADER_BYTES = 64 * 1024
MIN_TAKEN_BYTES = 64 * 1024  # of an answer, in `write_seconds`
MAX_PIPELINED = 16  # requests of a connection that wait for the answer to one before
SPARE_CONNECTIONS = 64  # beyond the limit, for probes; others are told 503
HEADERS_TOO_LARGE = "431 Request Header Fields Too Large"


@dataclass(frozen=True)
class ConnectionLimits:
    """What one connection may take."""

    max_connections: int
    header_seconds: float
    write_seconds: float


def connections(settings: Settings) -> type[asyncio.Protocol]:
    """Give what `uvicorn.Config(http=...)` makes connections with."""
    limits = ConnectionLimits(
        settings.max_connections, settings.header_seconds, settings.write_seconds
    )
    return cast(type[asyncio.Protocol], partial(Connection, limits=limits))


class Connection(HttpToolsProtocol):
    """Speaks HTTP/1.1 with one caller; at every moment a timer runs that ends it, or a route works.

    - until the headers are complete: `header_seconds` from the connection or their first byte;
    - idle between requests: uvicorn's keep-alive timer;
    - while the rest of a body comes whose request was refused: `header_seconds`;
    - while the body comes: the route waits for it (`service.body`);
    - while the answer is taken: `write_seconds` for every 64 KiB.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: ConnectionLimits,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.limits = limits
        self.is_spare = False
        self.is_in_headers = False
        self.is_in_body = False
        self.header_bytes = 0
        self.header_timer: asyncio.TimerHandle | None = None
        self.write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for headers; end at once where even the spare connections are taken."""
        super().connection_made(GatheredWrites(transport, self.loop))
        beyond = len(self.connections) - self.limits.max_connections
        if beyond > SPARE_CONNECTIONS:
            transport.abort()
            return
        self.is_spare = beyond > 0
        if self.is_spare:
            self.app_state = {**self.app_state, IS_SPARE: True}
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self._stop_header_timer()
        self._stop_write_timer()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; headers that are too many end the connection."""
        if self.timeout_keep_alive_task is not None:  # what follows is no longer idle
            self._expect_headers()
        began_in_body = self.is_in_body
        super().data_received(data)
        if self.transport.is_closing():  # it was no HTTP, and is answered so
            self._close()
        elif self.is_in_headers and not began_in_body:  # else most of it may be the body before
            self.header_bytes += len(data)
            if self.header_bytes > MAX_HEADER_BYTES:
                self._refuse_headers()

    def on_message_begin(self) -> None:
        """Begin to wait for the headers of a request that came before the last was answered."""
        super().on_message_begin()
        self.is_in_headers = True
        if self.header_timer is None:
            self._expect_headers()

    def on_headers_complete(self) -> None:
        """Hand the request to the application.

        A read of 256 KiB may hold thousands of requests, for each of which uvicorn would make an
        object. The error ends the parser, which answers 400.
        """
        if len(self.pipeline) >= MAX_PIPELINED:
            raise InvalidInput("too many requests ahead of their answers; wait for the answers")
        self.is_in_headers, self.is_in_body = False, True
        self._stop_header_timer()
        super().on_headers_complete()
        if self.is_spare and self.cycle is not None:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Take a part of the body; one that comes in one piece is not copied twice."""
        cycle = self.cycle
        if not cycle.body and not cycle.response_complete:
            cycle.body = body  # type: ignore[assignment]  # it is read, or joined below
            body = b""
        elif isinstance(cycle.body, bytes):
            cycle.body = bytearray(cycle.body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Be idle where the body was the rest of a request that has been answered."""
        self.is_in_body = False
        super().on_message_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._stop_header_timer()
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        """Be idle, or go on with the next request; a last answer has its time to be taken."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._close()

    def timeout_keep_alive_handler(self) -> None:
        """End a connection that was idle for too long."""
        self._close()

    def pause_writing(self) -> None:
        """Let the application wait, and the caller not for ever."""
        super().pause_writing()
        self._expect_taking()

    def resume_writing(self) -> None:
        """Let the application go on."""
        self._stop_write_timer()
        super().resume_writing()
        if self.transport.is_closing():  # the last bytes are waited for as well
            self._expect_taking()

    def _expect_headers(self) -> None:
        self._stop_header_timer()
        self.header_bytes = 0
        self.header_timer = self.loop.call_later(self.limits.header_seconds, self._close)

    def _stop_header_timer(self) -> None:
        if self.header_timer is not None:
            self.header_timer.cancel()
            self.header_timer = None

    def _refuse_headers(self) -> None:
        problem = {
            "type": "about:blank",
            "title": "Headers too large",
            "status": 431,
            "detail": f"the headers have more than {MAX_HEADER_BYTES:,} bytes; send fewer",
        }
        body = json.dumps(problem).encode()
        head = (
            f"HTTP/1.1 {HEADERS_TOO_LARGE}\r\nContent-Type: application/problem+json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self._close()

    def _expect_taking(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._stop_write_timer()
        self.write_timer = self.loop.call_later(
            self.limits.write_seconds, self._check_taken, left - MIN_TAKEN_BYTES
        )

    def _check_taken(self, left_at_most: int) -> None:
        if self.transport.get_write_buffer_size() > left_at_most:
            self.transport.abort()  # frees what was not taken
        else:
            self._expect_taking()

    def _stop_write_timer(self) -> None:
        if self.write_timer is not None:
            self.write_timer.cancel()
            self.write_timer = None

    def _close(self) -> None:
        """Close; what was written has `write_seconds` to be taken."""
        self._stop_header_timer()
        self.transport.close()
        if self.transport.get_write_buffer_size() and self.write_timer is None:
            self._expect_taking()
