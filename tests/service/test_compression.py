"""Compressed bodies are unpacked as far as the limit allows."""

from __future__ import annotations

import gzip
import zlib

import pytest

from service.compression import decompressed
from service.errors import InvalidInput, PayloadTooLarge, UnsupportedMediaType

TEXT = b"pixels " * 100
PACKED = gzip.compress(TEXT, mtime=0)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", PACKED),
        (" GZIP", PACKED),
        ("deflate", zlib.compress(TEXT)),
        ("identity", TEXT),
    ],
)
def test_a_body_is_unpacked_as_its_encoding_says(encoding, packed) -> None:
    assert decompressed(packed, encoding, len(TEXT)) == TEXT


def test_what_unpacks_to_more_than_the_limit_is_refused() -> None:
    with pytest.raises(PayloadTooLarge, match="unpacks to more than 699 bytes"):
        decompressed(PACKED, "gzip", len(TEXT) - 1)


@pytest.mark.parametrize(
    "packed",
    [b"", b"no gzip", PACKED[:-1], PACKED + b"more"],
)
def test_what_is_broken_is_refused(packed) -> None:
    with pytest.raises(InvalidInput, match="compress it again"):
        decompressed(packed, "gzip", 1000)


def test_another_encoding_is_refused_with_those_that_are_read() -> None:
    with pytest.raises(UnsupportedMediaType, match="'br' is not read; send gzip, deflate"):
        decompressed(TEXT, "br", 1000)
