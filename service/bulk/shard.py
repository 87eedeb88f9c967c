"""Cuts a listing into shards, a file of rows each, and shards into batches that run together."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from service.bulk.source import Listing
from service.bulk.stretch import Name, Stretch


@dataclass(frozen=True)
class Batch:
    """Pictures that are read and run together."""

    stretches: tuple[Stretch, ...]

    def __len__(self) -> int:
        return sum(len(stretch) for stretch in self.stretches)

    def names(self) -> list[Name]:
        """Name each picture."""
        return [name for stretch in self.stretches for name in stretch.names()]


class Plan:
    """Which pictures go into which shard and which batch.

    Invariant: it depends on the listing and the two sizes alone, so that every engine, and every
    further try, computes the same.
    """

    def __init__(self, listing: Listing, shard_size: int, batch_size: int) -> None:
        self.listing = listing
        self.pictures = listing.pictures
        self.shards = -(-self.pictures // shard_size)
        self.shard_size = shard_size
        self.batch_size = batch_size
        self._starts = [0, *accumulate(map(len, listing.stretches))]

    def name(self, shard: int) -> str:
        """Name a shard's file."""
        return f"shard-{shard:06d}.parquet"

    def size(self, shard: int) -> int:
        """Say how many pictures a shard has."""
        return min(self.shard_size, self.pictures - shard * self.shard_size)

    def count(self, shard: int) -> int:
        """Say how many batches a shard has."""
        return -(-self.size(shard) // self.batch_size)

    def batches(self, shard: int) -> Iterator[Batch]:
        """Give the batches of a shard, in order."""
        first = shard * self.shard_size
        end = first + self.size(shard)
        for start in range(first, end, self.batch_size):
            yield Batch(tuple(self._between(start, min(start + self.batch_size, end))))

    def _between(self, start: int, stop: int) -> Iterator[Stretch]:
        index = bisect_right(self._starts, start) - 1
        while start < stop:
            offset, end = self._starts[index], min(stop, self._starts[index + 1])
            yield self.listing.stretches[index].part(start - offset, end - offset)
            start, index = end, index + 1
