"""What came of every request of a soak."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

MOST_FAILURES = 1000  # that are kept one by one
UNANSWERED = "unanswered"


@dataclass(frozen=True)
class Failure:
    """A request without the answer that it should have had: another status, or what broke.

    Times are of `time.monotonic`; `connected` is when its connection was made.
    """

    kind: str
    found: str
    is_broken: bool
    connected: float
    ended: float


@dataclass(frozen=True)
class Loss:
    """A worker that was killed: just before it was, and when it was surely gone."""

    killed: float
    gone: float

    def explains(self, failure: Failure) -> bool:
        """Whether a connection that broke may have been one of the worker's."""
        return failure.is_broken and failure.connected <= self.gone and failure.ended >= self.killed


class Record:
    """Counts answers by kind and status; several callers write at once.

    Invariant: each request that was begun is counted once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: Counter[tuple[str, str]] = Counter()
        self._failures: list[Failure] = []
        self._more_failures = 0
        self._losses: list[Loss] = []

    def count(self, kind: str, found: str) -> None:
        """Count what was as it should be."""
        with self._lock:
            self._answers[kind, found] += 1

    def fail(self, failure: Failure) -> None:
        """Count what was not."""
        with self._lock:
            self._answers[failure.kind, failure.found] += 1
            if len(self._failures) < MOST_FAILURES:
                self._failures.append(failure)
            else:
                self._more_failures += 1

    def lose(self, loss: Loss) -> None:
        """Note that a worker was killed."""
        with self._lock:
            self._losses.append(loss)

    @property
    def answers(self) -> dict[str, dict[str, int]]:
        """How often each kind got which answer."""
        with self._lock:
            counted = [*self._answers.items()]
        found: dict[str, dict[str, int]] = {}
        for (kind, answer), count in counted:
            found.setdefault(kind, {})[answer] = count
        return found

    @property
    def excused(self) -> list[Failure]:
        """The failures that a killed worker explains."""
        return [failure for failure in self._failures if self._is_excused(failure)]

    @property
    def unexcused(self) -> list[Failure]:
        """The failures that nothing explains."""
        return [failure for failure in self._failures if not self._is_excused(failure)]

    @property
    def unexcused_count(self) -> int:
        """How many there are, those that were not kept included."""
        return len(self.unexcused) + self._more_failures

    def _is_excused(self, failure: Failure) -> bool:
        return any(loss.explains(failure) for loss in self._losses)
