"""Pictures that follow each other in one place: files, members of an archive, rows of Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import repeat

Name = tuple[str, int | None]  # where a picture lies, and in which row of a Parquet file


@dataclass(frozen=True)
class Files:
    """A picture each, with its size in bytes."""

    urls: tuple[str, ...]
    sizes: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.urls)

    def part(self, start: int, stop: int) -> Files:
        """Give the pictures from `start` to before `stop`."""
        return Files(self.urls[start:stop], self.sizes[start:stop])

    def names(self) -> Iterator[Name]:
        """Name each picture."""
        return zip(self.urls, repeat(None))


@dataclass(frozen=True)
class Members:
    """Pictures in a zip archive, with their sizes unpacked, in bytes."""

    archive: str
    members: tuple[str, ...]
    sizes: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.members)

    def part(self, start: int, stop: int) -> Members:
        """Give the pictures from `start` to before `stop`."""
        return Members(self.archive, self.members[start:stop], self.sizes[start:stop])

    def names(self) -> Iterator[Name]:
        """Name each picture."""
        return ((f"{self.archive}:{member}", None) for member in self.members)


@dataclass(frozen=True)
class Rows:
    """Rows of a Parquet file; `column` is the path of the one that holds encoded pictures."""

    file: str
    column: str
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def part(self, start: int, stop: int) -> Rows:
        """Give the pictures from `start` to before `stop`, counted from this stretch's own."""
        return replace(self, start=self.start + start, stop=min(self.start + stop, self.stop))

    def names(self) -> Iterator[Name]:
        """Name each picture."""
        return ((self.file, row) for row in range(self.start, self.stop))


Stretch = Files | Members | Rows
