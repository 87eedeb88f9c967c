"""Bounds the bytes of request bodies that are held at once, over all routes and callers."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import Overloaded
from service.problems import problem_response
from service.quota import Hold, Quota
from service.request_headers import headers_of

LENGTH = b"content-length"


class BodyQuotaMiddleware:
    """Refuses a request whose body would not fit, before it is read where its length is declared.

    What is held is given back when the request ends.
    """

    def __init__(self, app: ASGIApp, quota: Quota) -> None:
        self.app = app
        self.quota = quota

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI 3)."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.app(scope, receive, send)
            return
        declared = headers_of(scope).get(LENGTH, b"")
        with self.quota.take() as hold:
            if declared.isdigit():
                try:
                    hold.add(int(declared))
                except Overloaded as error:
                    await problem_response(Request(scope), error)(scope, receive, send)
                    return
                await self.app(scope, receive, send)
            else:
                await self.app(scope, _counting(receive, hold), send)


def _counting(receive: Receive, hold: Hold) -> Receive:
    async def receive_and_hold() -> Message:
        message = await receive()
        hold.add(len(message.get("body", b"")))
        return message

    return receive_and_hold
