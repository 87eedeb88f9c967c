"""What every request passes: an id, headers that protect the browser, and its metrics."""

from __future__ import annotations

import random
import re
import time

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
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
}
PAGE_HEADERS, DOCS_HEADERS = (
    [
        (name.lower().encode(), value.encode())
        for name, value in {**SECURITY_HEADERS, "Content-Security-Policy": policy}.items()
    ]
    for policy in (PAGE_POLICY, DOCS_POLICY)
)
CACHE_HEADER = (
    b"cache-control",
    b"no-store",
)  # answers are about the caller's pictures; the page's files say otherwise
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
        asked = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        request_id = asked.decode("latin-1")
        if not SAFE_ID.fullmatch(request_id):
            request_id = f"{random.getrandbits(128):032x}"
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        started, code, is_answered = time.perf_counter(), 500, False

        async def send_with_headers(message: Message) -> None:
            nonlocal code, is_answered
            if message["type"] == "http.response.start":
                code, is_answered = message["status"], True
                policy = DOCS_HEADERS if scope["path"] == "/docs" else PAGE_HEADERS
                given = message["headers"]
                own = [(b"x-request-id", request_id.encode()), *policy]
                if not any(name == b"cache-control" for name, _ in given):
                    own.append(CACHE_HEADER)
                message["headers"] = [*given, *own]
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
