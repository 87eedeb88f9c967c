"""Reads the encoded pictures of a batch from wherever they lie."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from itertools import groupby

import pyarrow as pa
import pyarrow.parquet as parquet

from service.bulk.place import Place
from service.bulk.shard import Batch
from service.bulk.stretch import Files, Members, Rows, Stretch
from service.errors import InvalidInput, PayloadTooLarge, VitrineError

Picture = bytes | VitrineError
OF_ONE_FILE = (FileNotFoundError, PermissionError, IsADirectoryError)


class Reader:
    """Reads pictures, one batch after the other.

    Invariant: at most one archive and one Parquet file are open, and of the latter at most one row
    group's pictures are held. It belongs to one thread.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._archive = ""
        self._zip: zipfile.ZipFile | None = None
        self._file = ""
        self._parquet: parquet.ParquetFile | None = None
        self._group = -1
        self._pictures: pa.ChunkedArray | None = None

    def read(self, batch: Batch) -> list[Picture]:
        """Give the bytes of each picture, or what is wrong with it alone.

        Raises InvalidInput where the place itself cannot be read: a store that does not answer, a
        broken archive or Parquet file.
        """
        return [picture for stretch in batch.stretches for picture in self._read(stretch)]

    def _read(self, stretch: Stretch) -> list[Picture]:
        match stretch:
            case Files():
                return self._files(stretch)
            case Members():
                return self._members(stretch)
            case Rows():
                return self._rows(stretch)

    def _files(self, files: Files) -> list[Picture]:
        fitting = [
            url
            for url, size in zip(files.urls, files.sizes, strict=True)
            if size <= self._max_bytes
        ]
        contents: dict[str, Picture] = {}
        for _, alike in groupby(fitting, key=_protocol):
            urls = list(alike)
            contents |= zip(urls, _contents(urls), strict=True)
        return [
            contents[url] if url in contents else self._too_large(size)
            for url, size in zip(files.urls, files.sizes, strict=True)
        ]

    def _members(self, members: Members) -> list[Picture]:
        if self._zip is None or members.archive != self._archive:
            place = Place.of(members.archive)
            opened = place.path if place.is_local else place.filesystem.open(place.path)
            try:
                self._zip, self._archive = zipfile.ZipFile(opened), members.archive
            except (zipfile.BadZipFile, OSError) as error:
                raise _unreadable(members.archive, error) from None
        return [
            self._member(self._zip, member) if size <= self._max_bytes else self._too_large(size)
            for member, size in zip(members.members, members.sizes, strict=True)
        ]

    def _member(self, archive: zipfile.ZipFile, name: str) -> Picture:
        try:
            return archive.read(name)
        except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, KeyError) as why:
            return InvalidInput(f"{name} cannot be unpacked: {why}; pack the archive again")
        except OSError as error:
            raise _unreadable(self._archive, error) from None

    def _rows(self, rows: Rows) -> list[Picture]:
        pictures: list[Picture] = []
        try:
            if self._parquet is None or rows.file != self._file:
                place = Place.of(rows.file)
                opened = place.path if place.is_local else place.filesystem.open(place.path)
                self._parquet, self._file = parquet.ParquetFile(opened, memory_map=True), rows.file
                self._group = -1
            for group, start, stop in _groups(self._parquet, rows):
                column = self._column(self._parquet, group, rows.column)
                pictures += map(self._cell, column[start:stop].to_pylist())
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(rows.file, error) from None
        return pictures

    def _column(self, file: parquet.ParquetFile, group: int, path: str) -> pa.ChunkedArray:
        if self._pictures is None or group != self._group:
            self._pictures = None  # never two at once
            table = file.read_row_group(group, columns=[path])
            is_struct = pa.types.is_struct(table.schema.field(0).type)
            self._pictures = (table.flatten() if is_struct else table).column(0)
            self._group = group
        return self._pictures

    def _cell(self, value: bytes | None) -> Picture:
        if value is None:
            return InvalidInput("the row holds no bytes; put the picture itself into the file")
        return value if len(value) <= self._max_bytes else self._too_large(len(value))

    def _too_large(self, size: int) -> PayloadTooLarge:
        return PayloadTooLarge(
            f"the picture has {size:,} bytes, more than {self._max_bytes:,}; "
            "make it smaller, or raise --max-image-bytes"
        )


def _protocol(url: str) -> str:
    return url.partition("://")[0] if "://" in url else ""


def _contents(urls: list[str]) -> list[Picture]:
    """Read files of one file system; a store is asked for all at once."""
    place = Place.of(urls[0])
    paths = [Place.of(url).path for url in urls]
    if place.is_local or len(paths) == 1:
        return [_content(place, path) for path in paths]
    answers = place.filesystem.cat_ranges(paths, None, None, on_error="return")  # whole files
    return [_told(place, path, answer) for path, answer in zip(paths, answers, strict=True)]


def _content(place: Place, path: str) -> Picture:
    try:
        return bytes(place.filesystem.cat_file(path))
    except Exception as error:  # stores raise of many kinds
        return _told(place, path, error)


def _told(place: Place, path: str, answer: bytes | Exception) -> Picture:
    """Give bytes as they are; an error is the picture's where its file is gone or not ours.

    Any other would be recorded of pictures that are good: raises InvalidInput.
    """
    if not isinstance(answer, Exception):
        return bytes(answer)
    url = place.url(path)
    if isinstance(answer, OF_ONE_FILE):
        why = answer.strerror or type(answer).__name__
        return InvalidInput(f"{url} cannot be read: {why}; it was there when it was listed")
    raise _unreadable(url, answer)


def _unreadable(url: str, error: Exception) -> InvalidInput:
    return InvalidInput(
        f"{url} cannot be read: {error}; the same command goes on from the last shard "
        "once that is mended"
    )


def _groups(file: parquet.ParquetFile, rows: Rows) -> Iterator[tuple[int, int, int]]:
    """Give the row groups that hold the rows, each with which of its own rows these are."""
    first = 0
    for group in range(file.num_row_groups):
        count = file.metadata.row_group(group).num_rows
        start, stop = max(rows.start - first, 0), min(rows.stop - first, count)
        if start < stop:
            yield group, start, stop
        first += count
