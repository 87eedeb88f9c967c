"""The batch sizes that are run: few and known, so that each is warm before the first caller."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

WORTHWHILE = 1.05  # times what an image takes at half the size
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

    def worthwhile(self, seconds: Callable[[int], float]) -> BatchSizes:
        """Leave out the largest ones where an image takes longer than at half the size.

        Large batches of large models leave the CPU's caches. `seconds` measures an image's time in
        a batch of a size; both sizes are measured in turns, and one turn in favour of the larger
        lets it stay.

        >>> BatchSizes.up_to(8).worthwhile({1: 34.0, 2: 34.0, 4: 33.0, 8: 36.0}.__getitem__).allowed
        (1, 2, 3, 4)
        """
        half = self.taken(max(1, self.largest // 2))
        if half == self.largest:
            return self
        for _ in range(TURNS):
            if seconds(self.largest) <= WORTHWHILE * seconds(half):
                return self
        smaller = BatchSizes(tuple(size for size in self.allowed if size <= half), self.pads)
        return smaller.worthwhile(seconds)

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


def _usual(pads: bool) -> Iterator[int]:
    power = 1
    while power < 1024:
        yield power
        if not pads:
            yield power * 3 // 2
        power *= 2
