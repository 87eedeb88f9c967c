"""Tells how far a run is, on standard error: a line that changes on a terminal, few lines else."""

from __future__ import annotations

import sys
import time
from typing import TextIO

TERMINAL_SECONDS = 0.2
LINE_SECONDS = 30.0


class Progress:
    """Counts pictures and says how many, how fast, and how long the rest takes.

    Invariant: pictures of finished shards count as done and not for the rate.
    """

    def __init__(self, total: int, skipped: int, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()
        self._every = TERMINAL_SECONDS if self._is_terminal else LINE_SECONDS
        self._total, self._skipped = total, skipped
        self.done = self.failed = 0
        self._started = self._said = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._started

    @property
    def per_second(self) -> float:
        """Pictures in a second."""
        return self.done / max(self.seconds, 1e-9)

    def add(self, done: int, failed: int) -> None:
        """Count pictures, and say so now and then."""
        self.done += done
        self.failed += failed
        now = time.monotonic()
        if now - self._said >= self._every:
            self._said = now
            self._write(str(self))

    def end(self) -> None:
        """Leave the line that changes."""
        if self._is_terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def __str__(self) -> str:
        done = self._skipped + self.done
        failed = f", {self.failed:,} with an error" if self.failed else ""
        left = (self._total - done) / self.per_second if self.done else 0
        return (
            f"{done:,} of {self._total:,} pictures ({done / self._total:.0%}), "
            f"{self.per_second:,.0f}/s, {duration(left)} left{failed}"
        )

    def _write(self, text: str) -> None:
        self._stream.write(f"\r\x1b[K{text}" if self._is_terminal else f"{text}\n")
        self._stream.flush()


def duration(seconds: float) -> str:
    """Give a time as 0:05, 12:34 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
