"""The listener of several workers: accepts connections and hands each to a worker."""

from __future__ import annotations

import logging
import selectors
import socket
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from service.worker_process import WorkerProcess

logger = logging.getLogger("vitrine")
ACCEPTS_AT_ONCE = 64  # then signals and the workers' reports have their turn


class Door:
    """Invariant: each connection that was accepted is taken by one worker.

    While no worker can take any, they stay in the system's queue.
    """

    def __init__(
        self,
        listener: socket.socket,
        selector: selectors.BaseSelector,
        takers: Callable[[], Sequence[WorkerProcess]],
    ) -> None:
        """Accept what the selector reports as `accept` while there are `takers`, best first."""
        listener.setblocking(False)
        self.is_open = True
        self._listener = listener
        self._selector = selector
        self._takers = takers
        self._held: deque[socket.socket] = deque()
        self._is_choked = False
        self._is_watched = False

    @property
    def is_resting(self) -> bool:
        """Whether nothing is accepted for a moment: the workers or the system are overcharged."""
        return bool(self._held) or self._is_choked

    def watch(self) -> None:
        """Listen while somebody takes what comes: to be called when that may have changed."""
        while self._held and self._hand_over(self._held[0]):
            self._held.popleft()
        wanted = self.is_open and not self.is_resting and bool(self._takers())
        self._is_choked = False
        if wanted and not self._is_watched:
            self._selector.register(self._listener, selectors.EVENT_READ, self.accept)
        elif self._is_watched and not wanted:
            self._selector.unregister(self._listener)
        self._is_watched = wanted

    def accept(self) -> bool:
        """Accept what waits and hand it over; false when nothing waits any more."""
        if not self.is_open:  # it was closed since the selector told of a caller
            return False
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, ConnectionError):  # nothing waits, or the caller left
                return False
            except OSError as error:  # no descriptor or no memory is left
                logger.error("no connection can be accepted: %s", error)
                self._is_choked = True
                return False
            if not self._hand_over(connection):
                self._held.append(connection)
                return False
        return True

    def take_back(self, connections: Iterable[socket.socket]) -> None:
        """Hand to others what a worker that ended had not taken."""
        self._held.extend(connections)
        self.watch()

    def close(self) -> None:
        """Take in those who already connected, then listen no more."""
        while not self._held and self._takers() and self.accept():
            pass
        self.is_open = False
        self.watch()
        self._listener.close()

    def _hand_over(self, connection: socket.socket) -> bool:
        return any(worker.give(connection) for worker in self._takers())
