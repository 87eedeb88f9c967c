"""What every request passes: an id, headers that protect the browser, metrics, log and trace."""

from __future__ import annotations

import random
import re
import time
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.exchange import Exchange
from service.logs import log_access
from service.metrics import Metrics
from service.problems import TOLD, unexpected_response
from service.request_headers import headers_of

if TYPE_CHECKING:
    from service.spans import RequestSpans  # imported for real only where traces are exported

SAFE_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
DOCS_POLICY = "frame-ancestors 'none'"
# What OWASP's cheat sheet of HTTP headers advises, but for two. Strict-Transport-Security binds a
# host to TLS, and only what ends TLS in front of this service knows whether that holds.
# Cross-Origin-Embedder-Policy would keep /docs from fetching its viewer, and isolate for nothing.
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
}
RawHeaders = list[tuple[bytes, bytes]]
PAGE_HEADERS, DOCS_HEADERS = (
    [
        (name.lower().encode(), value.encode())
        for name, value in {**SECURITY_HEADERS, "Content-Security-Policy": policy}.items()
    ]
    for policy in (PAGE_POLICY, DOCS_POLICY)
)
# answers are about the caller's pictures; the page's files say otherwise
CACHE_HEADER = (b"cache-control", b"no-store")
UNMATCHED = "unmatched"


def _own_headers(exchange: Exchange, scope: Scope, message: Message) -> RawHeaders:
    own = [(b"x-request-id", exchange.request_id.encode())]
    if b"cache-control" not in dict(message["headers"]):
        own.append(CACHE_HEADER)
    if exchange.stages:
        own.append((b"server-timing", exchange.server_timing().encode()))
    return own + (DOCS_HEADERS if scope["path"] == "/docs" else PAGE_HEADERS)


class RequestMiddleware:
    """Gives each request an id and its answer headers, and tells metrics, log and traces of it."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        tracing: RequestSpans | None = None,
        access_log: bool = False,
    ) -> None:
        self.app = app
        self.metrics = metrics
        self.tracing = tracing
        self.access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI 3)."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = headers_of(scope).get(b"x-request-id", b"").decode("latin-1")
        if not SAFE_ID.fullmatch(request_id):
            request_id = f"{random.getrandbits(128):032x}"
        with Exchange(request_id, scope["method"]) as exchange:
            state = scope.setdefault("state", {})
            state["request_id"] = request_id
            span = self.tracing.begin(exchange, scope) if self.tracing else None
            self.metrics.under_way += 1
            try:
                await self._answer(exchange, scope, receive, send)
            finally:
                self.metrics.under_way -= 1
                exchange.ended = time.perf_counter()
                exchange.route = getattr(scope.get("route"), "path", UNMATCHED)
                exchange.problem = state.get("problem", "")
                exchange.key_name = state.get("key_name", "")
                self.metrics.note_request(exchange)
                if self.access_log:
                    log_access(exchange)
                if self.tracing and span:
                    self.tracing.end(span, exchange)

    async def _answer(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        is_answered = False

        async def receive_counted() -> Message:
            message = await receive()
            exchange.bytes_in += len(message.get("body", b""))
            return message

        async def send_with_headers(message: Message) -> None:
            nonlocal is_answered
            if message["type"] == "http.response.start":
                exchange.status, is_answered = message["status"], True
                message["headers"] = [*message["headers"], *_own_headers(exchange, scope, message)]
            else:
                exchange.bytes_out += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive_counted, send_with_headers)
        except Exception as error:  # whatever it is, the caller is told and the log says what
            if scope["state"].get(TOLD) is error:  # FastAPI raises again what it has answered
                return
            if is_answered:
                raise
            response = unexpected_response(Request(scope), error)
            await response(scope, receive, send_with_headers)
