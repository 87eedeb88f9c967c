"""What every request passes: an id, headers that protect the browser, and its metrics."""

from __future__ import annotations

import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.metrics import Metrics
from service.problems import unexpected_response

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
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
CACHE_POLICY = "no-store"  # answers are about the caller's pictures; the page's files say otherwise
UNMATCHED = "unmatched"


class RequestMiddleware:
    """Gives each request an id, adds security headers and counts it by route and code."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI 3)."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked = Headers(scope=scope).get("x-request-id", "")
        request_id = asked if SAFE_ID.fullmatch(asked) else uuid.uuid4().hex
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        started, code, is_answered = time.perf_counter(), 500, False

        async def send_with_headers(message: Message) -> None:
            nonlocal code, is_answered
            if message["type"] == "http.response.start":
                code, is_answered = message["status"], True
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers.update(SECURITY_HEADERS)
                headers.setdefault("Cache-Control", CACHE_POLICY)
                policy = DOCS_POLICY if scope["path"] == "/docs" else PAGE_POLICY
                headers["Content-Security-Policy"] = policy
            await send(message)

        self.metrics.in_flight.inc()
        try:
            await self.app(scope, receive, send_with_headers)
        except Exception as error:  # whatever it is, the caller is told and the log says what
            if is_answered:
                raise
            await unexpected_response(Request(scope), error)(scope, receive, send_with_headers)
        finally:
            self.metrics.in_flight.dec()
            route = getattr(scope.get("route"), "path", UNMATCHED)
            self.metrics.requests.labels(route, str(code)).inc()
            self.metrics.request_seconds.labels(route).observe(time.perf_counter() - started)
            if problem := state.get("problem"):
                self.metrics.rejected.labels(problem).inc()
