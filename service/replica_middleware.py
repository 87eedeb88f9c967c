"""What stands between Ray's proxy and the application, which knows nothing of either."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID = b"x-request-id"
METRICS_PATH = "/metrics"


class ReplicaMiddleware:
    """Gives the application the paths that it knows, and each answer one request id.

    The proxy keeps the prefix that an application is deployed under in the path. The application
    decides by path who may do what, so the prefix goes before anything else looks.

    The proxy adds the caller's `X-Request-Id`, or one that it made, to the request and to the
    answer; the application's own is left out where it is the same. `gather` is awaited before the
    metrics are read.
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
        told = {(name, value) for name, value in scope["headers"] if name == REQUEST_ID}

        async def send_one_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [tuple(header) for header in message["headers"]]
                message["headers"] = [header for header in headers if header not in told]
            await send(message)

        if scope["path"] == METRICS_PATH:
            await self.gather()
        await self.app(scope, receive, send_one_id)


def _without_prefix(scope: Scope) -> Scope:
    prefix = scope.get("root_path", "")
    path = scope["path"].removeprefix(prefix)
    return {**scope, "headers": [tuple(header) for header in scope["headers"]], "root_path": ""} | {
        "path": path or "/",
        "raw_path": scope.get("raw_path", b"").removeprefix(prefix.encode()) or b"/",
    }
