"""The batch sizes that are run: few and known, so that each is warm before the first caller."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

SLOWER = 1.05  # times what an image takes at half the size
FASTER = 0.97  # likewise
PAIR = 2  # taken in any case: the event loop has half as many batches to hand over
TURNS = 2


@dataclass(frozen=True)
class BatchSizes:
    """Sizes that may be run, in ascending order.

    A GPU takes about as long for 5 images as for 8, so there a batch is padded to the next size. On
    a CPU padding costs what images cost, so there a batch is cut to the next smaller size, and
    the rest runs next.
    """

    allowed: tuple[int, ...]
    pads: bool = False

    @classmethod
    def up_to(cls, largest: int, *, pads: bool = False) -> BatchSizes:
        """Give 1, 2, 3, 4, 6, 8, 12, ... and `largest`; 1, 2, 4, 8, ... where batches are padded.

        >>> BatchSizes.up_to(8).allowed
        (1, 2, 3, 4, 6, 8)
        """
        return cls.of({size for size in _usual(pads) if size < largest} | {largest}, pads=pads)

    @classmethod
    def of(cls, sizes: Iterable[int], *, pads: bool = False) -> BatchSizes:
        """Take the sizes that an operator gave; 1 is always among them."""
        return cls(tuple(sorted({1, *sizes})), pads)

    def without_slower(self, seconds: Callable[[int], float]) -> BatchSizes:
        """Leave out the largest ones where an image takes longer than at half the size.

        Large batches of large models leave the CPU's caches. `seconds` measures an image's time in
        a batch of a size; both sizes are measured in turns, and one turn in favour of the larger
        lets it stay.

        >>> seconds = {1: 34.0, 2: 34.0, 4: 33.0, 8: 36.0}.__getitem__
        >>> BatchSizes.up_to(8).without_slower(seconds).allowed
        (1, 2, 3, 4)
        """
        half = self.taken(max(1, self.largest // 2))
        if half == self.largest or _takes_at_most(SLOWER, seconds, self.largest, half):
            return self
        return self._up_to(half).without_slower(seconds)

    def while_faster(self, seconds: Callable[[int], float]) -> BatchSizes:
        """Leave out those beyond 2 from where on an image is done no sooner in a larger batch.

        Who is in a batch waits for all of it. Measured as in `without_slower`, from the smallest
        on; a size is run once before it is measured.

        >>> seconds = {2: 34.0, 4: 31.0, 8: 31.0}.__getitem__
        >>> BatchSizes.up_to(8).while_faster(seconds).allowed
        (1, 2, 3, 4)
        """
        size = self.taken(PAIR)
        seconds(size)
        while size < self.largest:
            larger = self.taken(2 * size)
            seconds(larger)
            if not _takes_at_most(FASTER, seconds, larger, size):
                break
            size = larger
        return self._up_to(size)

    def _up_to(self, largest: int) -> BatchSizes:
        return BatchSizes(tuple(size for size in self.allowed if size <= largest), self.pads)

    @property
    def largest(self) -> int:
        """Images that are run together at most."""
        return self.allowed[-1]

    def taken(self, waiting: int) -> int:
        """Say how many of the images that wait, at least 1, go into the next batch."""
        if self.pads:
            return min(waiting, self.largest)
        return self.allowed[bisect_right(self.allowed, waiting) - 1]

    def padded(self, images: int) -> int:
        """Say what size a batch of so many images, at most `largest`, is run with."""
        return self.allowed[bisect_left(self.allowed, images)]


def _takes_at_most(
    ratio: float, seconds: Callable[[int], float], larger: int, smaller: int
) -> bool:
    return any(seconds(larger) <= ratio * seconds(smaller) for _ in range(TURNS))


def _usual(pads: bool) -> Iterator[int]:
    power = 1
    while power < 1024:
        yield power
        if not pads:
            yield power * 3 // 2
        power *= 2
