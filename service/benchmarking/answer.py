"""An HTTP answer as it comes in, read no further than is needed to know where it ends."""

from __future__ import annotations

import re

HEAD_END = b"\r\n\r\n"
LINE_END = b"\r\n"
STATUS = re.compile(rb"HTTP/1\.([01]) (\d{3})")
# all that says where the answer ends, looked for in one go
FRAMING = re.compile(
    rb"\r\n(?:content-length: *(\d+)|transfer-encoding: *(chunked)"
    rb"|connection: *(close|keep-alive))",
    re.IGNORECASE,
)
WITHOUT_BODY = ("204", "304")


class Answer:
    """The bytes of one answer (RFC 9112), and whether they are all there.

    Invariant: `status` is known once the head is whole; what comes after the end is not looked at.
    """

    status = ""
    keeps_connection = False
    _body_starts = 0
    _ends: int | None = None  # where the answer ends, once that is known
    _is_chunked = False
    _next_chunk = 0

    def __init__(self) -> None:
        self._received = bytearray()

    @property
    def has_begun(self) -> bool:
        """Whether a byte of it came."""
        return bool(self._received)

    @property
    def body(self) -> bytes:
        """What came after the head."""
        return bytes(self._received[self._body_starts :])

    def take(self, chunk: bytes) -> bool:
        """Take in what came; say whether the answer is whole.

        Raises ConnectionError for what is no HTTP answer.
        """
        self._received += chunk
        if not self.status and not self._read_head():
            return False
        if self._is_chunked and self._ends is None:
            self._find_last_chunk()
        return self._ends is not None and len(self._received) >= self._ends

    def end(self) -> None:
        """Take the end of the connection. Raises ConnectionError where it cuts the answer off."""
        if not self.status or self._is_chunked or self._ends is not None:
            raise ConnectionError("connection closed")

    def _read_head(self) -> bool:
        head = self._received
        length = head.find(HEAD_END)
        if length < 0:
            return False
        status = STATUS.match(head)
        if status is None:
            raise ConnectionError("no HTTP answer")
        version, code = status.groups()
        self.status = code.decode()
        self._next_chunk = self._body_starts = length + len(HEAD_END)
        keeps = version == b"1"
        for stated, chunked, connection in FRAMING.findall(head, 0, length):
            if stated:
                self._ends = self._body_starts + int(stated)
            elif chunked:
                self._is_chunked = True
            else:
                keeps = connection.lower() == b"keep-alive"
        if self.status in WITHOUT_BODY:
            self._is_chunked, self._ends = False, self._body_starts
        elif self._is_chunked:
            self._ends = None
        self.keeps_connection = keeps and (self._is_chunked or self._ends is not None)
        return True

    def _find_last_chunk(self) -> None:
        while (line_ends := self._received.find(LINE_END, self._next_chunk)) >= 0:
            size = _size(self._received[self._next_chunk : line_ends])
            starts = line_ends + len(LINE_END)
            if size == 0:  # trailers, which nobody sends, end with an empty line as well
                trailers_end = self._received.find(LINE_END, starts)
                self._ends = None if trailers_end < 0 else trailers_end + len(LINE_END)
                return
            self._next_chunk = starts + size + len(LINE_END)


def _size(line: bytes | bytearray) -> int:
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError:
        raise ConnectionError("no HTTP answer") from None
