"""A worker as its supervisor sees it: a process, a channel to it and what it last said.

Down the channel go connections, each a byte with a file descriptor, and at last an end-of-file,
which says: no more will come, drain and exit. It also comes when the supervisor is killed.
Up the channel come lines of JSON, each of them some fields of Report. A worker reports that it took
a connection before it reads from it: what it never reported can be handed to another.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

READ_BYTES = 65536
STEADY_SECONDS = 10.0  # a worker that was ready for so long had no fault from its start


@dataclass(frozen=True)
class Report:
    """What a worker says of itself; a line changes the fields that it names.

    `is_live` once its event loop turns, `is_ready` once its models are open, `is_draining` once it
    was told to stop. `taken` counts the connections taken from the channel, `open` those of them
    that are open. `failure` has title, detail and exit_code of what keeps it from being ready.
    """

    is_live: bool = False
    is_ready: bool = False
    is_draining: bool = False
    taken: int = 0
    open: int = 0
    failure: Mapping[str, Any] | None = None


class WorkerProcess:
    """One worker. Invariant: a connection that was given is open here until the worker took it."""

    def __init__(self, seat: int, environment: Mapping[str, str], quick_deaths: int = 0) -> None:
        """Start a fresh interpreter: onnxruntime hangs in a process that was forked."""
        self.seat = seat
        self.quick_deaths = quick_deaths
        self.report = Report()
        self._given = 0
        self.given_last = 0.0
        self.is_leaving = False
        self.replaces: WorkerProcess | None = None
        self._ready_since: float | None = None
        self._unread = b""
        self._untaken: deque[socket.socket] = deque()
        self.channel, theirs = socket.socketpair()
        self.channel.setblocking(False)
        with theirs:
            # A group of its own: Ctrl-C reaches the supervisor alone, which tells its workers.
            self.process = subprocess.Popen(  # noqa: S603 - this very package
                [*python("service.worker"), str(theirs.fileno()), str(seat)],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={**os.environ, **environment},
                process_group=0,
            )

    def __str__(self) -> str:
        return f"worker {self.process.pid}"

    @property
    def load(self) -> int:
        """Connections that are open there, or on their way."""
        return self.report.open + len(self._untaken)

    @property
    def was_steady(self) -> bool:
        """Whether it was ready for so long that its end bodes nothing for its successor."""
        since = self._ready_since
        return since is not None and time.monotonic() - since >= STEADY_SECONDS

    @property
    def end(self) -> str:
        """How the process ended."""
        code: int = self.process.returncode
        if code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def give(self, connection: socket.socket) -> bool:
        """Hand a connection over and own it, unless the worker is gone or takes none now."""
        try:
            socket.send_fds(self.channel, [b"c"], [connection.fileno()])
        except OSError:  # full, closed, or too many descriptors are on their way
            return False
        self._untaken.append(connection)
        self._given += 1
        self.given_last = time.monotonic()
        return True

    def read_reports(self) -> bool:
        """Take in all that the worker said; false at the channel's end."""
        try:
            while data := self.channel.recv(READ_BYTES):
                self._read(data)
        except BlockingIOError:
            return True
        except OSError:  # it was killed
            pass
        return False

    def _read(self, data: bytes) -> None:
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self.report = replace(self.report, **json.loads(line))
        if self.report.is_ready and self._ready_since is None:
            self._ready_since = time.monotonic()
        while len(self._untaken) > self._given - self.report.taken:
            self._untaken.popleft().close()

    def send_no_more(self) -> None:
        """Say that no more connections come: the worker drains and exits."""
        with suppress(OSError):  # it is gone
            self.channel.shutdown(socket.SHUT_WR)

    def close(self) -> list[socket.socket]:
        """Close the channel of a worker that ended; give the connections it never took."""
        self.read_reports()
        self.channel.close()
        return list(self._untaken)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if the process is still there."""
        self.process.send_signal(number)


def python(module: str) -> list[str]:
    """Give a command that runs a module's `main` with this interpreter and its import path.

    `-m` would put the current folder first, where another package `service` may lie.
    """
    code = f"import sys; sys.path[:] = {sys.path!r}; from {module} import main; main()"
    return [sys.executable, "-c", code]
