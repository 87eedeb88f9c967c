"""Who may ask: decided by path, key and rate before any of the body is read."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import Forbidden, Overloaded, RateLimited, Unauthorized, VitrineError
from service.keys import Key, KeyRing
from service.problems import problem_response
from service.rate import RateLimit

# The orchestrator, the scraper and the page's own files come without a key and are not counted.
PROBES = ("/health/", "/v2/health/", "/metrics")
OPEN_PATHS = frozenset({"/", "/guide", "/docs", "/openapi.json", "/metrics"})
OPEN_FOLDERS = ("/health/", "/v2/health/", "/web/")
# Wider than the routes that they guard: starlette's own patterns pass a line break at the end.
ADMIN_ROUTES = (("POST", re.compile(r"/models/.*/(reload|rollback)", re.DOTALL)),)
BEARER = "bearer "
IS_SPARE = "is_spare"
SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


class AccessMiddleware:
    """Lets through who may ask, and answers the others 401, 403, 429 or 503.

    Stands inside RequestMiddleware, so that refusals carry ids and are counted. Without keys every
    route is open but those of ADMIN_ROUTES. `scope["state"]["key_name"]` says whose key it was.
    """

    def __init__(self, app: ASGIApp, keys: KeyRing | None, rate_limit: RateLimit | None) -> None:
        self.app = app
        self.keys = keys
        self.rate_limit = rate_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI 3)."""
        if scope["type"] == "http":
            try:
                self._admit(scope)
            except VitrineError as error:
                await problem_response(Request(scope), error)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _admit(self, scope: Scope) -> None:
        path = scope["path"]
        if scope["state"].get(IS_SPARE) and not path.startswith(PROBES):
            raise Overloaded("all connections are taken; try again when others have been answered")
        if path in OPEN_PATHS or path.startswith(OPEN_FOLDERS):
            return
        needs_admin = _is_admin_route(scope["method"], path)
        key = self._key_of(scope) if self.keys else None
        if needs_admin and (key is None or key.scope != "admin"):
            raise Forbidden(_who_may(path, key))
        if self.rate_limit:
            _count(self.rate_limit, f"key {key.name}" if key else f"address {_network(scope)}")

    def _key_of(self, scope: Scope) -> Key:
        assert self.keys
        presented = _presented(Headers(scope=scope))
        if not presented:
            raise Unauthorized(
                "this route needs a key; send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`"
            )
        key = self.keys.find(presented)
        if not key:
            raise Unauthorized(
                "the key is not known; check it, or ask who runs this service for a new one"
            )
        scope["state"]["key_name"] = key.name
        return key


def declare_keys(app: FastAPI) -> None:
    """Say in the OpenAPI document that routes need a key, so that /docs can ask for one."""
    describe = app.openapi

    def describe_with_keys() -> dict[str, Any]:
        document = describe()
        document["components"]["securitySchemes"] = SECURITY_SCHEMES
        for path, operations in document["paths"].items():
            if path not in OPEN_PATHS and not path.startswith(OPEN_FOLDERS):
                for operation in operations.values():
                    operation["security"] = [{name: []} for name in SECURITY_SCHEMES]
        return document

    app.openapi = describe_with_keys  # type: ignore[method-assign]  # as FastAPI's docs advise


def _is_admin_route(method: str, path: str) -> bool:
    return any(method == guarded and route.match(path) for guarded, route in ADMIN_ROUTES)


def _who_may(path: str, key: Key | None) -> str:
    if key:
        return f"the key {key.name} may not do this; make one with `vitrine key NAME --admin`"
    return (
        f"POST {path!r} is open to keys of scope admin alone, and this service has none; "
        "start it with --api-keys-file"
    )


def _presented(headers: Headers) -> str:
    authorization = headers.get("authorization", "")
    if authorization[: len(BEARER)].lower() == BEARER:
        return authorization[len(BEARER) :].strip()
    return headers.get("x-api-key", "").strip()


def _network(scope: Scope) -> str:
    """Give the caller's address; of IPv6 the network of 64 bits, all of which one caller has."""
    host = str(scope["client"][0]) if scope.get("client") else ""
    if ":" not in host:
        return host
    try:
        address = ip_address(host)
    except ValueError:
        return host
    assert isinstance(address, IPv6Address)
    return str(address.ipv4_mapped or int(address) >> 64)


def _count(rate_limit: RateLimit, caller: str) -> None:
    if wait := rate_limit.ask(caller):
        raise RateLimited(
            f"more requests than {rate_limit.per_minute} a minute; "
            f"the next is let through in {wait:.2g} s",
            wait,
        )
