"""What a connection writes to, so that an answer's head and body go out in one system call."""

from __future__ import annotations

import asyncio
from typing import Any

Bytes = bytes | bytearray | memoryview


class GatheredWrites(asyncio.Transport):
    """Holds a first piece until the second comes, or until the event loop goes on.

    Each write is a system call that wakes the caller, who can do nothing with a head alone.
    Invariant: bytes go out in their order, before the event loop waits and before the connection
    ends; only `abort` drops them.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._held: Bytes = b""

    def write(self, data: Bytes) -> None:
        """Take bytes: the first ones after a pause are held, those that follow go out with them."""
        if self._held:
            held, self._held = self._held, b""
            self._transport.writelines((held, data))
        elif data:
            self._held = data
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """End the connection behind what was written."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """End the connection now."""
        self._held = b""
        self._transport.abort()

    def get_write_buffer_size(self) -> int:
        """Count the bytes that have not gone out."""
        return len(self._held) + self._transport.get_write_buffer_size()

    def is_closing(self) -> bool:
        """Whether the connection ends."""
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        """Let what comes wait."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as asyncio's
        """Tell of the socket."""
        return self._transport.get_extra_info(name, default)

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)
