"""Writes PNG files of drawings quickly.

Pillow tries five filters on every row, which takes longer than all the rest of a drawing, even
where nothing is compressed. Here NumPy computes one filter for all rows at once. Photographs are
stored, or compressed on request: what a filter leaves of them is noise that repeats nowhere, so
deflate's search for repetitions is left out. A flat picture is compressed always: it is quick.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
NO_FILTER, UP_FILTER, AVERAGE_FILTER = 0, 2, 3  # PNG 3rd edition, 9.2
CHANNELS = 3
SAMPLED = 16  # one row in 16 tells
FLAT_SHARE = 0.75  # of the bytes are those of the row above
HEADER = struct.Struct(">IIBBBBB")  # width, height, bits, color type, three methods
BITS, TRUECOLOR = 8, 2
WINDOW_BITS, MEMORY_LEVEL = 15, 9


def png_bytes(image: Image.Image, keyword: str, text: str, *, compressed: bool) -> bytes:
    """Encode an RGB picture as PNG with one text chunk: `tEXt`, or `iTXt` beyond Latin-1."""
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    rows = np.asarray(rgb).reshape(image.height, -1)
    chunks = (
        (b"IHDR", HEADER.pack(image.width, image.height, BITS, TRUECOLOR, 0, 0, 0)),
        _text_chunk(keyword.encode("latin-1"), text),
        (b"IDAT", _pixel_data(rows, compressed=compressed)),
        (b"IEND", b""),
    )
    return b"".join((SIGNATURE, *(part for kind, data in chunks for part in _chunk(kind, data))))


def _chunk(kind: bytes, data: bytes) -> Iterator[bytes]:
    yield struct.pack(">I", len(data)) + kind
    yield data
    yield struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def _text_chunk(keyword: bytes, text: str) -> tuple[bytes, bytes]:
    try:
        return b"tEXt", keyword + b"\0" + text.encode("latin-1")
    except UnicodeEncodeError:  # not compressed, no language, no translated keyword
        return b"iTXt", keyword + b"\0\0\0\0\0" + text.encode()


def _pixel_data(rows: NDArray[np.uint8], *, compressed: bool) -> bytes:
    if _is_flat(rows):
        return _deflated(UP_FILTER, rows - _above(rows))
    if compressed:
        return _deflated(AVERAGE_FILTER, rows - _mean_of_neighbors(rows))
    return zlib.compress(_scanlines(NO_FILTER, rows), level=0)


def _is_flat(rows: NDArray[np.uint8]) -> bool:
    sample = rows[: len(rows) // SAMPLED * SAMPLED]
    is_repeated = sample[1::SAMPLED] == sample[::SAMPLED]
    return bool(is_repeated.size) and float(is_repeated.mean()) > FLAT_SHARE


def _above(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    above = np.zeros_like(rows)
    above[1:] = rows[:-1]
    return above


def _mean_of_neighbors(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    above, left = _above(rows), np.zeros_like(rows)
    left[:, CHANNELS:] = rows[:, :-CHANNELS]
    return (left & above) + ((left ^ above) >> 1)  # rounded down, within 8 bits


def _deflated(filter_type: int, rows: NDArray[np.uint8]) -> bytes:
    deflate = zlib.compressobj(
        level=1, wbits=WINDOW_BITS, memLevel=MEMORY_LEVEL, strategy=zlib.Z_RLE
    )
    return deflate.compress(_scanlines(filter_type, rows)) + deflate.flush()


def _scanlines(filter_type: int, rows: NDArray[np.uint8]) -> memoryview:
    """Put the number of its filter in front of every row."""
    scanlines = np.empty((rows.shape[0], 1 + rows.shape[1]), np.uint8)
    scanlines[:, 0], scanlines[:, 1:] = filter_type, rows
    return scanlines.data
