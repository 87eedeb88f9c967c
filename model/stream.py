"""Data sets streamed by name through the `datasets` library, or from a folder that it can read.

A stream can be read in its own order alone, and only once at a time. So its encoded pictures are
kept, in memory and beyond that on disk: from there an epoch visits them in any order.
"""

from __future__ import annotations

import functools
import os
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path

from model.sources import (
    LIMITS,
    STREAM_PREFIX,
    DataError,
    Picture,
    Size,
    Source,
)
from service.decoding import DecodedImage, decode_image

STREAM_PARTS = {  # the test part is not fetched: training never reads it
    "train": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
}


class EncodedPictures:
    """Keeps bytes: up to `max_bytes` in memory, all that comes later in a temporary file.

    Invariant: the file has no name, so its space is free again when the last process that has it
    open ends, however it ends. Forked processes may read it side by side.
    """

    def __init__(self, max_bytes: int) -> None:
        self._memory_left = max_bytes
        self._file = tempfile.TemporaryFile(prefix="vitrine-")  # noqa: SIM115 (it stays open)
        weakref.finalize(self, self._file.close)

    def keep(self, data: bytes) -> Callable[[], bytes]:
        """Keep some bytes and give what gives them back. Raises OSError where no disk is left."""
        if len(data) <= self._memory_left:
            self._memory_left -= len(data)
            return functools.partial(bytes, data)
        self._memory_left = 0
        offset = self._file.tell()
        self._file.write(data)
        return functools.partial(self._read, offset, len(data))

    def flush(self) -> None:
        """Make ready for reading."""
        self._file.flush()

    def _read(self, offset: int, length: int) -> bytes:
        return os.pread(self._file.fileno(), length, offset)  # shares no position with others


def decode_kept(kept: Callable[[], bytes], size: Size) -> DecodedImage:
    return decode_image(kept(), LIMITS, at_least=size)


def read_stream(name: str, max_bytes: int) -> Source:
    """Read the train and validation parts of a data set once, and keep them.

    Encoded pictures above `max_bytes` lie in a temporary file. Raises DataError where an Image or
    a ClassLabel column is missing, or the disk is full.
    """
    from datasets import ClassLabel, load_dataset
    from datasets import Image as ImageColumn

    source, pictures = Source(), EncodedPictures(max_bytes)
    try:
        splits = load_dataset(name, streaming=True)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{STREAM_PREFIX}{name} cannot be streamed: {error}; check the name and the network"
        ) from error
    for split, rows in splits.items():
        part = STREAM_PARTS.get(str(split))
        if part is None:
            continue
        columns = rows.features or {}
        images = [key for key, kind in columns.items() if isinstance(kind, ImageColumn)]
        labels = [key for key, kind in columns.items() if isinstance(kind, ClassLabel)]
        if not images or not labels:
            raise DataError(
                f"{STREAM_PREFIX}{name} has the columns {sorted(columns)}, but needs an Image and "
                "a ClassLabel; choose another data set, or save it as a folder of class folders"
            )
        names = columns[labels[0]].names
        source.classes[part].update(names)
        encoded = rows.cast_column(images[0], ImageColumn(decode=False))
        for index, row in enumerate(encoded):
            data = row[images[0]]["bytes"] or Path(row[images[0]]["path"]).read_bytes()
            decode = functools.partial(decode_kept, kept(pictures, data, name))
            source.add(part, Picture(f"{name}/{split}/{index}", names[row[labels[0]]], decode))
    pictures.flush()
    return source


def kept(pictures: EncodedPictures, data: bytes, name: str) -> Callable[[], bytes]:
    try:
        return pictures.keep(data)
    except OSError as error:
        raise DataError(
            f"{STREAM_PREFIX}{name} does not fit into memory_gib and {tempfile.gettempdir()}: "
            f"{error}; set TMPDIR to a folder on a larger disk, or raise memory_gib"
        ) from error
