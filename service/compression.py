"""Request bodies that come compressed, as the Content-Encoding header says (RFC 9110, 8.4)."""

from __future__ import annotations

import zlib

from service.errors import InvalidInput, PayloadTooLarge, UnsupportedMediaType

GZIP_OR_ZLIB = zlib.MAX_WBITS + 32  # which of the two it is, zlib finds in the first bytes


def decompressed(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """Give the plain body; nothing beyond `max_bytes` is ever unpacked.

    Raises UnsupportedMediaType for another encoding, PayloadTooLarge beyond the limit, InvalidInput
    for one that is broken.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise UnsupportedMediaType(
            f"Content-Encoding {encoding[:40]!r} is not read; send gzip, deflate or no encoding"
        )
    inflater = zlib.decompressobj(GZIP_OR_ZLIB)
    try:
        plain = inflater.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise InvalidInput(f"the body is not {encoding}: {error}; compress it again") from None
    if len(plain) > max_bytes:
        raise PayloadTooLarge(
            f"the body unpacks to more than {max_bytes:,} bytes; send fewer or smaller images"
        )
    if not inflater.eof or inflater.unused_data:
        raise InvalidInput(
            f"the {encoding} body is cut short or goes on after its end; compress it again, in one"
        )
    return plain
