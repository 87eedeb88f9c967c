"""Counts the scans of a JPEG before it is decoded.

Each scan costs the decoder a walk over the whole picture, and a progressive one may have any
number: 1,000 of them that hold nothing, 75 bytes each, keep a CPU busy for 48 s at 49 megapixels.
"""

from __future__ import annotations

import re

import numpy as np

SCAN = b"\xff\xda"  # the marker that begins one
SCAN_PAIR = int.from_bytes(SCAN, "little")
MANY_BYTES = 100_000  # counted by themselves in a tenth of a millisecond
END = 0xD9
WITHOUT_LENGTH = (0x01, 0xD8)  # markers that stand alone
# in a scan's own bytes 0xFF is followed by 0, or by a restart marker
MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")


def has_more_scans(data: bytes, most: int) -> bool:
    """Say whether a JPEG has more than `most` scans."""
    # what follows the picture, such as a video, may look like scans; few files need the walk
    return _occurrences(data) > most and _scans(data, most) > most


def _occurrences(data: bytes) -> int:
    """Count the marker's two bytes anywhere.

    Of many bytes numpy counts them in a tenth of the time, and without Python's lock; to give that
    away and get it back takes longer than a few thousand bytes.
    """
    if len(data) < MANY_BYTES:
        return data.count(SCAN)
    pairs = (
        np.frombuffer(data, "<u2", count=(len(data) - offset) // 2, offset=offset)
        for offset in (0, 1)
    )
    return sum(int(np.count_nonzero(some == SCAN_PAIR)) for some in pairs)


def _scans(data: bytes, most: int) -> int:
    """Count the scans up to the picture's end, and no further than one more than `most`."""
    place = scans = 0
    while scans <= most and (marker := MARKER.search(data, place)):
        kind, place = marker[1][0], marker.end()
        if kind == END:
            break
        if kind not in WITHOUT_LENGTH:
            scans += kind == SCAN[1]
            place += int.from_bytes(data[place : place + 2], "big")
    return scans
