"""One connection to a server, with at most one request on its way, which never blocks."""

from __future__ import annotations

import errno
import os
import selectors
import socket

from service.benchmarking.answer import Answer

Address = tuple[str, int]
CHUNK_BYTES = 65536
SENDING = selectors.EVENT_READ | selectors.EVENT_WRITE
CONNECTS = (0, errno.EINPROGRESS, errno.EWOULDBLOCK)


class Connection:
    """A connection that takes a request, and gives the answer when it is whole.

    Invariant: while `is_asked`, a request is on its way that was due at `due_seconds`.
    """

    def __init__(self, address: Address) -> None:
        """Begin to connect. Raises OSError where that fails at once."""
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.is_connected = False
        self.is_asked = False
        self.watched_events = selectors.EVENT_READ
        self.due_seconds = 0.0
        self._unsent: bytes | memoryview = b""
        self._is_cut_off = False
        self._answer = Answer()
        code = self.socket.connect_ex(address)
        if code not in CONNECTS:
            self.socket.close()
            raise OSError(code, os.strerror(code))

    @property
    def events(self) -> int:
        """What the connection waits for: a refusal may come before all is sent."""
        return SENDING if self._unsent else selectors.EVENT_READ

    def ask(self, request: bytes, due_seconds: float) -> None:
        """Send a request, as far as it goes at once."""
        self.is_asked, self.due_seconds = True, due_seconds
        self._unsent = request
        self._answer = Answer()
        if self.is_connected:
            self._send()

    def advance(self) -> Answer | None:
        """Send and take in what is possible now; give the answer once it is whole.

        Raises OSError when the connection fails or ends before, or what comes is no HTTP answer.
        """
        if self._unsent:
            self._send()
        if not self.is_connected:
            return None
        return self._receive()

    def can_be_kept(self, answer: Answer) -> bool:
        """Whether the next request may use this connection."""
        return answer.keeps_connection and not self._unsent and not self._is_cut_off

    def _send(self) -> None:
        try:
            sent = self.socket.send(self._unsent)
        except BlockingIOError:
            return
        except (BrokenPipeError, ConnectionResetError):
            if not self.is_connected:
                raise
            # who refuses a request need not read it to its end: the answer may be there already
            self._is_cut_off, self._unsent = True, b""
            return
        self.is_connected = True
        self._unsent = b"" if sent == len(self._unsent) else memoryview(self._unsent)[sent:]

    def _receive(self) -> Answer | None:
        try:
            chunk = self.socket.recv(CHUNK_BYTES)
        except BlockingIOError:
            return None
        if not chunk:
            self._answer.end()
            return self._answer
        return self._answer if self._answer.take(chunk) else None
