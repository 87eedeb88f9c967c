"""What stands between Ray's proxy and the application, which knows nothing of either."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ray.exceptions import TaskCancelledError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DISCONNECT = {"type": "http.disconnect"}
REQUEST_ID = b"x-request-id"
METRICS_PATH = "/metrics"


class ReplicaMiddleware:
    """Makes of Ray's requests those that a server makes.

    - The proxy leaves the prefix that an application is deployed under in the path. The application
      decides by path who may do what, so the prefix goes before anything else looks.
    - The proxy adds the caller's `X-Request-Id`, or one that it made, to the request and to the
      answer; the application's own is left out where it is the same.
    - Ray cancels the request of a caller who left, and the reading of its body, which may fail
      before that; the application is told by a message, so that it drops the work and counts it as
      that.

    `gather` is awaited before the metrics are read.
    """

    def __init__(self, app: ASGIApp, gather: Callable[[], Awaitable[None]]) -> None:
        self.app = app
        self.gather = gather

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI 3)."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope = _without_prefix(scope)
        if scope["path"] == METRICS_PATH:
            await self.gather()
        caller_left = asyncio.Event()
        answering = asyncio.ensure_future(
            self.app(scope, _receive_until(caller_left, receive), _send_one_id(scope, send))
        )
        try:
            await asyncio.shield(answering)
        except asyncio.CancelledError:
            caller_left.set()
            await asyncio.wait({answering})
            raise


def _without_prefix(scope: Scope) -> Scope:
    prefix = scope.get("root_path", "")
    return {
        **scope,
        "root_path": "",
        "path": scope["path"].removeprefix(prefix) or "/",
        "raw_path": scope["raw_path"].removeprefix(prefix.encode()) or b"/",
        "headers": [tuple(header) for header in scope["headers"]],
    }


def _send_one_id(scope: Scope, send: Send) -> Send:
    told = {header for header in scope["headers"] if header[0] == REQUEST_ID}

    async def send_one_id(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = map(tuple, message["headers"])
            message["headers"] = [header for header in headers if header not in told]
        await send(message)

    return send_one_id


def _receive_until(caller_left: asyncio.Event, receive: Receive) -> Receive:
    async def receive_until() -> Message:
        coming = asyncio.ensure_future(receive())
        leaving = asyncio.ensure_future(caller_left.wait())
        try:
            await asyncio.wait({coming, leaving}, return_when=asyncio.FIRST_COMPLETED)
            return coming.result() if coming.done() else DISCONNECT
        except TaskCancelledError:
            return DISCONNECT
        finally:
            coming.cancel()
            leaving.cancel()

    return receive_until
