"""Ends what a task does: at its deadline, or when nobody waits for it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

Failure = Callable[[], Exception]


class Interruption:
    """A block that can be ended from elsewhere on the event loop, with an error of its own.

    As `asyncio.timeout` does it: the task is cancelled, and where nobody else cancelled it too, the
    block raises the error in place of CancelledError. Every request is in three such blocks, and
    those of asyncio take three times as long.
    """

    def __init__(self, failure: Failure) -> None:
        """`failure` makes the error that the block raises."""
        self._failure = failure
        self._came = self._is_over = False

    def __enter__(self) -> Self:
        """Begin, in the task that may be interrupted."""
        task = asyncio.current_task()
        assert task is not None
        self._task, self._cancelling = task, task.cancelling()
        return self

    def interrupt(self) -> None:
        """End the block, once, unless it has ended."""
        if not self._came and not self._is_over:  # else it would cancel what follows
            self._came = True
            self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Raise the error where the block was interrupted."""
        self._is_over = True
        if (
            self._came
            and self._task.uncancel() <= self._cancelling
            and kind is asyncio.CancelledError
        ):
            raise self._failure() from None


class TimeLimit(Interruption):
    """A block that is interrupted after some seconds."""

    def __init__(self, seconds: float, failure: Failure) -> None:
        super().__init__(failure)
        self._seconds = seconds

    def __enter__(self) -> Self:
        """Begin, and start the clock."""
        super().__enter__()
        self.timer = asyncio.get_running_loop().call_later(self._seconds, self.interrupt)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop the clock, and raise the error where it ran out."""
        self.timer.cancel()
        super().__exit__(kind)
