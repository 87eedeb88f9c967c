"""Pictures that the tests draw themselves, and the bytes of their encodings."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def draw(width: int = 48, height: int = 40, seed: int = 0) -> Image.Image:
    """Draw a smooth picture without any symmetry."""
    random = np.random.default_rng(seed)
    corners = random.integers(0, 256, (3, 3, 3), dtype=np.uint8)
    return Image.fromarray(corners).resize((width, height), Image.Resampling.BICUBIC)


def encode(picture: Image.Image, image_format: str = "PNG", **options: object) -> bytes:
    """Give the bytes of an image file."""
    buffer = io.BytesIO()
    picture.save(buffer, image_format, **options)
    return buffer.getvalue()


def text_of(data: bytes) -> str:
    """Give bytes as base64 text."""
    return base64.b64encode(data).decode()


def header_bomb(width: int, height: int) -> bytes:
    """Give a PNG of some 70 bytes whose header states width x height pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return PNG_SIGNATURE + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def write_png(path: Path, seed: int = 0) -> Path:
    """Write a drawn picture to a file."""
    path.write_bytes(encode(draw(seed=seed)))
    return path
