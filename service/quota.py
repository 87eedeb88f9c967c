"""How much may be under way at once: beyond it, callers are refused at once."""

from __future__ import annotations

from typing import Self

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

    def take(self, amount: int = 0) -> Hold:
        """Hold an amount until the block ends; the block may add to it.

        Entering it raises Overloaded when the amount does not fit.
        """
        return Hold(self, amount)

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


class Hold:
    """What one holder has of a quota, until its block ends."""

    def __init__(self, quota: Quota, amount: int) -> None:
        self._quota = quota
        self._first = amount
        self._held = 0

    def __enter__(self) -> Self:
        """Hold the first amount. Raises Overloaded."""
        self.add(self._first)
        return self

    def add(self, amount: int) -> None:
        """Hold more. Raises Overloaded when it does not fit, and holds what was held."""
        quota = self._quota
        if quota.held + amount > quota.limit:
            quota.check(amount)
        quota.held += amount
        self._held += amount

    def __exit__(self, *_: object) -> None:
        """Give all of it back."""
        self._quota.held -= self._held
