"""Signals as something that a selector can wait for."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import FrameType


class Bell:
    """Rings when one of some signals has come: `socket` is readable then."""

    def __init__(self, signals: Iterable[signal.Signals]) -> None:
        """Heed the signals from now on; only the main thread of a process can."""
        self.socket, self._striker = socket.socketpair()
        self._signals: list[int] = []
        for end in (self.socket, self._striker):
            end.setblocking(False)
        signal.set_wakeup_fd(self._striker.fileno(), warn_on_full_buffer=False)
        for number in signals:
            signal.signal(number, self._note)

    def answer(self) -> Iterator[int]:
        """Give the signals that have come, the first one first."""
        with suppress(BlockingIOError):
            self.socket.recv(4096)
        while self._signals:
            yield self._signals.pop(0)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._signals.append(number)
