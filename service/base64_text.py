"""Bytes that come as base64 text in JSON."""

from __future__ import annotations

import base64
import binascii

from service.errors import ErrorDetail, InvalidInput


def decode_base64(text: object, pointer: str) -> bytes:
    """Give the bytes of base64, or of a data: URL of it; line breaks may be in it.

    Raises InvalidInput, naming where it stood.
    """
    if isinstance(text, str):
        if text.startswith("data:"):
            text = text.partition(",")[2]
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            pass
    detail = f"{pointer} is not base64; encode the bytes of the image file"
    raise InvalidInput(detail, [ErrorDetail(pointer, detail)])
