"""Tiny servers on a real socket that answer as a test wants it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
HANG_UP = b""


@dataclass
class Seen:
    """What a server was sent: the connections, and the requests in the order they were read."""

    address: tuple[str, int]
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)


Answer = Callable[[int], Awaitable[bytes]]  # from the number of the request


@contextmanager
def answering(answer: Answer) -> Iterator[Seen]:
    """Listen; answer each request with the bytes given for it, and hang up where there are none."""
    loop = asyncio.new_event_loop()
    seen = Seen(("", 0))
    is_listening, is_over = threading.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
                body = await reader.readexactly(length)
                seen.requests.append(head + body)
                reply = await answer(len(seen.requests) - 1)
                writer.write(reply)
                await writer.drain()
                if not reply or b"onnection: close" in head + reply:
                    break
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def listen() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**20)
        seen.address = server.sockets[0].getsockname()
        is_listening.set()
        await is_over.wait()
        server.close()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving)

    thread = threading.Thread(target=loop.run_until_complete, args=(listen(),), daemon=True)
    thread.start()
    assert is_listening.wait(10)
    try:
        yield seen
    finally:
        loop.call_soon_threadsafe(is_over.set)
        thread.join()
        loop.close()


def after(seconds: float, reply: bytes = OK) -> Answer:
    """Give an answer to every request that takes so long."""

    async def answer(number: int) -> bytes:
        await asyncio.sleep(seconds)
        return reply

    return answer
