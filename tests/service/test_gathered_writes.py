"""What goes out of a connection, over a real socket pair."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

from service.gathered_writes import GatheredWrites

PATIENCE_SECONDS = 5
Use = Callable[[GatheredWrites, socket.socket], Awaitable[None]]


def connected(use: Use) -> None:
    """Give `use` what is written to, and the other end, which does not wait for bytes."""

    async def connect() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, ours)
        theirs.setblocking(False)
        with theirs:
            await use(GatheredWrites(transport, loop), theirs)
            transport.abort()
            await asyncio.sleep(0)

    asyncio.run(connect())


def received(theirs: socket.socket) -> bytes | None:
    try:
        return theirs.recv(100)
    except BlockingIOError:
        return None


async def all_received(theirs: socket.socket) -> bytes:
    """Read to the end of the connection."""
    loop, chunks = asyncio.get_running_loop(), b""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while chunk := await loop.sock_recv(theirs, 100):
            chunks += chunk
    return chunks


def test_the_second_piece_takes_the_first_along_at_once() -> None:
    async def use(transport: GatheredWrites, theirs: socket.socket) -> None:
        transport.write(b"head")
        assert received(theirs) is None
        transport.write(b"body")
        assert received(theirs) == b"headbody"

    connected(use)


def test_a_first_piece_alone_goes_out_before_the_loop_waits() -> None:
    async def use(transport: GatheredWrites, theirs: socket.socket) -> None:
        transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await asyncio.sleep(0)
        assert received(theirs) == b"HTTP/1.1 100 Continue\r\n\r\n"

    connected(use)


def test_pieces_keep_their_order_and_empty_ones_are_nothing() -> None:
    async def use(transport: GatheredWrites, theirs: socket.socket) -> None:
        for piece in (b"", b"a", b"", b"b", b"c", b"d", b"e"):
            transport.write(piece)
        transport.close()
        assert await all_received(theirs) == b"abcde"

    connected(use)


def test_the_end_comes_behind_what_was_written() -> None:
    async def use(transport: GatheredWrites, theirs: socket.socket) -> None:
        transport.write(b"head")
        transport.close()
        assert transport.is_closing()
        assert await all_received(theirs) == b"head"

    connected(use)


def test_an_abort_drops_what_was_not_sent() -> None:
    async def use(transport: GatheredWrites, theirs: socket.socket) -> None:
        transport.write(b"head")
        assert transport.get_write_buffer_size() == len(b"head")
        transport.abort()
        assert transport.get_write_buffer_size() == 0
        assert await all_received(theirs) == b""

    connected(use)
