"""Finds pictures: in folders, by globs, in zip archives and in Parquet files, here or in a bucket.

Their order is that of INPUT on the command line, and within a folder or glob that of the paths.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import pyarrow as pa
import pyarrow.parquet as parquet
from fsspec.core import has_magic

from service.bulk.image_column import image_column
from service.bulk.place import Place
from service.bulk.stretch import Files, Members, Rows, Stretch
from service.errors import InvalidInput

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif")
PARQUET = (".parquet", ".parq")
ARCHIVES = (".zip",)
READ_TOGETHER = 16  # files whose ends are read at the same time


@dataclass(frozen=True)
class Found:
    """A file, and its size in bytes."""

    place: Place
    size: int

    @property
    def url(self) -> str:
        """Its name."""
        return self.place.url(self.place.path)

    @property
    def kind(self) -> str:
        """What it holds, by its name: a picture where that says nothing else."""
        name = self.place.path.lower()
        if name.endswith(PARQUET):
            return "parquet"
        return "archive" if name.endswith(ARCHIVES) else "picture"


@dataclass(frozen=True)
class Listing:
    """All pictures in order, and how many files of folders were passed over by their names."""

    stretches: tuple[Stretch, ...]
    passed_over: int = 0

    @property
    def pictures(self) -> int:
        """How many there are."""
        return sum(len(stretch) for stretch in self.stretches)

    @property
    def digest(self) -> str:
        """A SHA-256 over names and sizes: another one where a picture came or went."""
        total = hashlib.sha256()
        for stretch in self.stretches:
            total.update(repr(stretch).encode())
        return f"sha256:{total.hexdigest()}"

    @property
    def is_of_this_process(self) -> bool:
        """Whether no other process could read it."""
        firsts = (next(iter(stretch.names()))[0] for stretch in self.stretches)
        return any(Place.of(url).is_of_this_process for url in firsts if "://" in url)


def list_pictures(inputs: Sequence[str], column: str, output: str) -> Listing:
    """List the pictures of every input; Parquet in `output` is not read.

    Raises InvalidInput where there are none, or a file is broken; InvalidParameter where a Parquet
    file has no such column.
    """
    files: list[Found] = []
    passed_over = 0
    for url in inputs:
        found, others = _files(url)
        files += found
        passed_over += others
    outside = Place.of(output)
    own = outside.url(outside.path).rstrip("/") + "/"
    kept = [file for file in files if file.kind != "parquet" or not file.url.startswith(own)]
    stretches = tuple(stretch for stretch in _stretches(kept, column) if len(stretch))
    if not stretches:
        raise InvalidInput(
            f"{', '.join(inputs)} holds no picture; in a folder, files ending in "
            f"{' '.join((*PICTURES, *PARQUET, *ARCHIVES))} are read, by a glob all that match"
        )
    return Listing(stretches, passed_over)


def _files(url: str) -> tuple[list[Found], int]:
    """Give the files of one input, and how many were passed over."""
    place = Place.of(url)
    filesystem, path = place.filesystem, place.path
    try:
        if filesystem.isfile(path):
            return [Found(place, _size(filesystem.info(path)))], 0
        if has_magic(path) and not filesystem.exists(path):
            matches = filesystem.glob(path, detail=True)
            files = {name: info for name, info in matches.items() if info["type"] == "file"}
            return _sorted(place, files), 0
        inside = filesystem.find(path, detail=True)
    except OSError as error:
        raise InvalidInput(f"{url} cannot be listed: {error.strerror or error}") from None
    if not inside and not filesystem.exists(path):
        raise InvalidInput(
            f"{url} is not there; give a folder, a glob, Parquet files or zip archives of pictures"
        )
    root = path.rstrip("/") + "/"
    known = {
        name: info
        for name, info in inside.items()
        if name.lower().endswith((*PICTURES, *PARQUET, *ARCHIVES))
        and not any(part.startswith(".") for part in name.removeprefix(root).split("/"))
    }
    return _sorted(place, known), len(inside) - len(known)


def _sorted(place: Place, infos: dict[str, dict[str, object]]) -> list[Found]:
    return [Found(Place(place.filesystem, name), _size(infos[name])) for name in sorted(infos)]


def _size(info: dict[str, object]) -> int:
    size = info.get("size")
    return size if isinstance(size, int) else 0  # some web servers do not say


def _stretches(files: Iterable[Found], column: str) -> list[Stretch]:
    stretches: list[Stretch] = []
    with ThreadPoolExecutor(READ_TOGETHER) as threads:
        for kind, alike in groupby(files, key=lambda file: file.kind):
            if kind == "picture":
                found = list(alike)
                urls = tuple(file.url for file in found)
                stretches.append(Files(urls, tuple(file.size for file in found)))
            elif kind == "archive":
                stretches += threads.map(_members, alike)
            else:
                stretches += threads.map(partial(_rows, column), alike)
    return stretches


def _members(file: Found) -> Members:
    try:
        with file.place.filesystem.open(file.place.path) as opened, zipfile.ZipFile(opened) as read:
            infos = {info.filename: info.file_size for info in read.infolist()}
    except (zipfile.BadZipFile, OSError) as error:
        raise InvalidInput(
            f"{file.url} cannot be read as a zip archive: {error}; pack or fetch it again"
        ) from None
    names = sorted(name for name in infos if name.lower().endswith(PICTURES))
    return Members(file.url, tuple(names), tuple(infos[name] for name in names))


def _rows(column: str, file: Found) -> Rows:
    try:
        with (
            file.place.filesystem.open(file.place.path) as opened,
            parquet.ParquetFile(opened) as read,
        ):
            schema, rows = read.schema_arrow, read.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(
            f"{file.url} cannot be read as Parquet: {error}; write or fetch it again"
        ) from None
    return Rows(file.url, image_column(schema, column, file.url), 0, rows)
