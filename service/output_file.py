"""The file that a command writes where `--output` asks for it."""

from __future__ import annotations

from pathlib import Path

from service.errors import InvalidInput


def write_output(path: Path, content: bytes) -> None:
    """Write the file. Raises InvalidInput where that cannot be done."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be written: {error.strerror}; choose another --output"
        ) from None
