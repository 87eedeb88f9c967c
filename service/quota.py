"""How much may be under way at once: beyond it, callers are refused at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from service.errors import Overloaded


class Quota:
    """A bound on what is accepted and not yet ended.

    Invariant: what is held never passes the limit, and what was taken is given back.
    """

    def __init__(self, limit: int, what: str) -> None:
        """Bound `what`, such as images, by `limit`."""
        self.limit = limit
        self.held = 0
        self._what = what

    @contextmanager
    def open(self) -> Iterator[Callable[[int], None]]:
        """Give a function that holds more, as Overloaded allows, until the block ends."""
        own = 0

        def hold(amount: int) -> None:
            nonlocal own
            self.check(amount)
            own += amount
            self.held += amount

        try:
            yield hold
        finally:
            self.held -= own

    @contextmanager
    def take(self, amount: int) -> Iterator[None]:
        """Hold an amount until the block ends. Raises Overloaded when it does not fit."""
        self.check(amount)
        self.held += amount
        try:
            yield
        finally:
            self.held -= amount

    def fits(self, amount: int) -> bool:
        """Whether so much more may be held."""
        return self.held + amount <= self.limit

    def check(self, amount: int, retry_after_seconds: float = 1.0) -> None:
        """Raise Overloaded, with the time to stay away, when an amount does not fit."""
        if not self.fits(amount):
            raise Overloaded(
                f"{self.held:,} {self._what} wait and {amount:,} more would pass the queue's "
                f"{self.limit:,}; try again, or send fewer at a time",
                retry_after_seconds,
            )
