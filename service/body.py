"""How long the service waits for a request's body, whichever route reads it."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import RequestTimeout
from service.interruption import TimeLimit


class BodyMiddleware:
    """Raises RequestTimeout in the route that reads a body which has not wholly come by `seconds`.

    The time counts from the headers. What has come already is given to a route that reads late.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI 3)."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        loop = asyncio.get_running_loop()
        latest = loop.time() + self.seconds
        is_whole = False

        async def receive_in_time() -> Message:
            nonlocal is_whole
            if is_whole:  # what comes now is the news that the caller left
                return await receive()
            with TimeLimit(latest - loop.time(), self._too_late):
                message = await receive()
            is_whole = not message.get("more_body", False)
            return message

        await self.app(scope, receive_in_time, send)

    def _too_late(self) -> RequestTimeout:
        return RequestTimeout(
            f"the body did not come within {self.seconds:g} s; send a smaller one, "
            "or send it over a faster connection"
        )
