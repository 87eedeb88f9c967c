"""The requests that a soak mixes, and the status that each must get."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from service.benchmarking.pictures import encoded, photograph, small_png, usual_jpeg
from service.benchmarking.request import Body, body_of, request_bytes

MAX_IMAGE_BYTES = 1_000_000  # the limit that the server is given
HUGE_SIDE = 100_000
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
Manner = Literal["at once", "slowly", "half", "unread"]


@dataclass(frozen=True)
class Kind:
    """A request, the status that it must get, how it is sent, and how often beside others.

    A caller who sends `half` of it, or leaves it `unread`, gets no answer, and expects none.
    """

    name: str
    request: bytes
    expected: str
    manner: Manner = "at once"
    weight: int = 1


def kinds(host: str, headers: Sequence[str], *, is_explainable: bool) -> list[Kind]:
    """List what callers do: mostly what is right, and everything that is wrong now and then."""
    png, jpeg = small_png().data, usual_jpeg().data
    good = body_of(jpeg)

    def post(path: str, body: Body) -> bytes:
        return request_bytes(host, path, body, headers)

    explanations = [Kind("explain", post("/explain", good), "200", weight=2)]
    return [
        Kind("small PNG", post("/classify", body_of(png)), "200", weight=8),
        Kind("JPEG", post("/classify", good), "200", weight=8),
        Kind("JPEG in a form", post("/classify", body_of(jpeg, "multipart")), "200", weight=2),
        *(explanations if is_explainable else []),
        Kind("sent slowly", post("/classify", good), "200", "slowly"),
        Kind("broken JPEG", post("/classify", body_of(jpeg[: len(jpeg) // 2])), "422"),
        Kind("no picture", post("/classify", body_of(b"no picture at all")), "415"),
        Kind("type that is not read", post("/classify", Body(jpeg, "text/plain")), "415"),
        Kind("too many bytes", post("/classify", body_of(too_many_bytes())), "413"),
        Kind("too many pixels", post("/classify", body_of(too_many_pixels())), "413"),
        Kind("unknown parameter", post("/classify?top=5", good), "422"),
        Kind("unknown model", post("/classify?model=nobody", good), "404"),
        Kind("leaves in the middle", post("/classify", good), "", "half"),
        Kind("leaves before the answer", post("/classify", good), "", "unread"),
        Kind("live", _get(host, "/health/live"), "200"),
        Kind("ready", _get(host, "/health/ready"), "200"),
    ]


def too_many_bytes() -> bytes:
    """Give a good PNG that is larger than the limit."""
    picture = encoded(photograph(900, 900, grain=60), "PNG")
    return picture + bytes(max(0, MAX_IMAGE_BYTES + 1 - len(picture)))


def too_many_pixels() -> bytes:
    """Give a PNG of some 70 bytes whose header states ten thousand million pixels."""
    header = struct.pack(">IIBBBBB", HUGE_SIDE, HUGE_SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b""))
    return PNG_SIGNATURE + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def _get(host: str, path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
