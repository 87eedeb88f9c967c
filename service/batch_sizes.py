"""The batch sizes that are run: few and known, so that each is warm before the first caller."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

WORTHWHILE = 1.05  # times the least that an image takes: more is no noise


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

    def worthwhile(self, seconds_per_image: Mapping[int, float]) -> BatchSizes:
        """Leave out what is larger than the largest size that is about as fast, an image, as any.

        Large batches of large models leave the CPU's caches: they take longer, and all wait for it.

        >>> BatchSizes.up_to(8).worthwhile({1: 5.0, 2: 4.5, 3: 4.4, 4: 4.4, 6: 4.5, 8: 5.0}).allowed
        (1, 2, 3, 4, 6)
        """
        most = WORTHWHILE * min(seconds_per_image.values())
        largest = max(size for size, seconds in seconds_per_image.items() if seconds <= most)
        return BatchSizes(tuple(size for size in self.allowed if size <= largest), self.pads)

    @property
    def largest(self) -> int:
        """Images that are run together at most."""
        return self.allowed[-1]

    def taken(self, waiting: int) -> int:
        """Say how many of the images that wait, at least 1, go into the next batch."""
        if self.pads:
            return min(waiting, self.largest)
        return max(size for size in self.allowed if size <= waiting)

    def padded(self, images: int) -> int:
        """Say what size a batch of so many images, at most `largest`, is run with."""
        return min(size for size in self.allowed if size >= images)


def _usual(pads: bool) -> Iterator[int]:
    power = 1
    while power < 1024:
        yield power
        if not pads:
            yield power * 3 // 2
        power *= 2
