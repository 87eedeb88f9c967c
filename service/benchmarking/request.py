"""The bytes of a request that posts a picture, in the forms that servers read."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from service.benchmarking.connection import Address
from service.errors import InvalidParameter

BodyForm = Literal["raw", "multipart", "json"]
BOUNDARY = "vitrine-benchmark-7d1e0c53"
SIGNATURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png"}


@dataclass(frozen=True)
class Body:
    """What is sent, and the type that is declared."""

    content: bytes
    content_type: str


@dataclass(frozen=True)
class Target:
    """A server to measure: the address to connect to, the Host header, and the path asked for."""

    address: Address
    host: str
    path: str


def target_of(url: str, path: str) -> Target:
    """Read a URL; its own path, where it has one, goes before `path`. Raises InvalidParameter."""
    parts = urlsplit(url if "//" in url else f"//{url}", scheme="http")
    try:
        port = parts.port or 80
    except ValueError:
        port = 0
    if parts.scheme != "http" or not parts.hostname or not port:
        raise InvalidParameter(f"{url} is not measured; give an address like http://127.0.0.1:8000")
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)[0][4]
    except OSError as error:
        raise InvalidParameter(f"{parts.hostname} is not found: {error}; check --against") from None
    own = parts.path.rstrip("/") + (f"?{parts.query}" if parts.query else "")
    return Target((str(found[0]), port), parts.netloc, own or path)


def body_of(
    image: bytes, form: BodyForm = "raw", field: str = "image", content_type: str = ""
) -> Body:
    """Put a picture into a body: as it is, as the part `field`, or as base64 under that key.

    `content_type` is that of a raw body, or of the part; the picture's own where it is empty.
    """
    own_type = content_type or media_type(image)
    if form == "json":
        return Body(
            json.dumps({field: base64.b64encode(image).decode()}).encode(), "application/json"
        )
    if form == "multipart":
        head = (
            f"--{BOUNDARY}\r\nContent-Disposition: form-data; "
            f'name="{field}"; filename="picture"\r\nContent-Type: {own_type}\r\n\r\n'
        )
        content = head.encode() + image + f"\r\n--{BOUNDARY}--\r\n".encode()
        return Body(content, f"multipart/form-data; boundary={BOUNDARY}")
    return Body(image, own_type)


def media_type(image: bytes) -> str:
    """Name the type of a picture by how it begins."""
    found = (kind for begins, kind in SIGNATURES.items() if image.startswith(begins))
    return next(found, "application/octet-stream")


def request_bytes(
    host: str, path: str, body: Body, headers: Sequence[str] = (), *, keep: bool = True
) -> bytes:
    """Give a whole request; `headers` are lines like `Authorization: Bearer ...`."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {host}",
        f"Content-Type: {body.content_type}",
        f"Content-Length: {len(body.content)}",
        *([] if keep else ["Connection: close"]),
        *map(_checked, headers),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body.content


def _checked(header: str) -> str:
    name, colon, value = header.partition(":")
    if not colon or not name.strip() or "\n" in header or "\r" in header:
        raise InvalidParameter(f"header {header!r} is none; write it as 'Name: value'")
    return f"{name.strip()}: {value.strip()}"


def post(address: Address, path: str, image: bytes) -> bytes:
    """Give a request that posts a picture as it is, and keeps the connection."""
    return request_bytes(f"{address[0]}:{address[1]}", path, body_of(image))
