"""Scans are counted wherever the two bytes of their marker lie."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.jpeg_scans import MANY_BYTES, SCAN, _occurrences

PIECES = st.sampled_from([b"\xff", b"\xda", SCAN, b"\x00", b"\xd8", b"\xff\xd9"])


@given(data=st.lists(PIECES, max_size=40).map(b"".join), before=st.sampled_from([0, 1, MANY_BYTES]))
def test_the_markers_two_bytes_are_counted_anywhere(data: bytes, before: int) -> None:
    data = bytes(before) + data
    assert _occurrences(data) == data.count(SCAN)
