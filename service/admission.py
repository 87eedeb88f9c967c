"""Decides what is accepted: as much as fits, and as could be answered in time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from service.errors import Overloaded
from service.latency_fit import LatencyFit
from service.quota import Hold, Quota

LEAST_RETRY_SECONDS = 1.0
FULL_SECONDS = 1.0  # since the last refusal, for which the queue counts as one that stays full
FULL_SHARE = 0.5  # of the places, which are given meanwhile
RETRY_ALL_SECONDS = 10.0  # after which all places are given again, to see whether they suffice
CROWDED_BATCHES = 2  # full ones for every place to compute at: CPUs find work without a spare place


class Admission:
    """The places of a queue, and what the runs so far say of how long a place is held.

    Invariant: never more items are under way than `max_items`.
    """

    def __init__(
        self,
        max_items: int,
        what: str,
        side_by_side: int,
        largest_batch: int,
        in_crowd: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Bound items, which `what` names to who is refused.

        `side_by_side` runs go on at once, at most `in_crowd` where many items are under way.
        """
        self.places = Quota(max_items, what)
        self.most_under_way = 0  # since the last batch began
        self._what = what
        self._side_by_side = side_by_side
        self._in_crowd = min(in_crowd, side_by_side)
        self._crowd_items = CROWDED_BATCHES * side_by_side * largest_batch
        self._most_when_full = max(self._crowd_items, int(FULL_SHARE * max_items))
        self._refused_at = self._full_since = -math.inf
        self._clock = clock
        self._largest_batch = largest_batch
        self._fit = LatencyFit()  # of seconds times places to compute at

    @property
    def side_by_side(self) -> int:
        """How many runs go on at once now.

        A crowd means that others are refused or will be. That is the event loop's work, and so are
        health answers: it gets the CPU time that another run would win a few percent with.
        """
        is_crowd = self.places.held >= self._crowd_items
        return self._in_crowd if is_crowd else self._side_by_side

    def admitted(self, count: int, patience_seconds: float = math.inf) -> Hold:
        """Hold places for items until the block ends. Raises what `check` raises."""
        self.check(count, patience_seconds)
        self.most_under_way = max(self.most_under_way, self.places.held + count)
        return self.places.take(count)

    def check(self, count: int, patience_seconds: float = math.inf) -> None:
        """Raise Overloaded when items do not fit, or would not be done within the patience."""
        self._check_room(count)
        if not self.places.held:
            return
        wait = self.expected_seconds(self.places.held)
        if wait > patience_seconds:
            raise Overloaded(
                f"{self.places.held:,} {self._what} wait, which will take {wait:.1f} s, longer "
                f"than the {patience_seconds:.1f} s that are left for the answer; try again",
                self._retry_after_seconds(),
            )

    def _check_room(self, count: int) -> None:
        """Raise Overloaded when items do not fit.

        A queue that stays full makes those whom it takes wait, and answers nobody more. So it takes
        a short rush whole, and a part of its places are given while some are refused.
        """
        held, fits = self.places.held, self.places.fits(count)
        if held < self._most_when_full:
            if fits:
                return
        else:
            now = self._clock()
            stays_full = (
                now - self._refused_at < FULL_SECONDS and now - self._full_since < RETRY_ALL_SECONDS
            )
            if fits and not stays_full:
                return
            self._refused_at = now
            if not stays_full:
                self._full_since = now
        self.places.check(count, self._retry_after_seconds())
        raise Overloaded(
            f"{held:,} {self._what} wait, and while others are refused no more than "
            f"{self._most_when_full:,} may; try again",
            self._retry_after_seconds(),
        )

    def learn(self, items: int, seconds: float, places: int) -> None:
        """Take down how long a run of so many items held its places to compute at."""
        self._fit.observe(items, seconds * places)

    def expected_seconds(self, items: int) -> float:
        """Predict how long all cores are busy with so many items; 0 before the first run."""
        batch = min(max(items, 1), self._largest_batch)
        return items / batch * self._fit.seconds(batch) / self.side_by_side

    def _retry_after_seconds(self) -> float:
        """When about half of what is under way will be done."""
        return max(LEAST_RETRY_SECONDS, self.expected_seconds(self.places.held) / 2)
