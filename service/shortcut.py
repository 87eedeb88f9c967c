"""A short way to the route that nearly all requests ask for.

What FastAPI does between a request and its route (matching, dependencies, stacks of what is to be
closed) takes a quarter of the time that a classification spends outside the engine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import VitrineError
from service.problems import invalid_request_response, problem_response


class ShortcutMiddleware:
    """Calls one route itself, with the errors answered as elsewhere; all else goes on to `app`."""

    def __init__(self, app: ASGIApp, route: APIRoute) -> None:
        self.app = app
        self.route = route
        self.methods = frozenset(route.methods or ())
        self.handle: Callable[[Request], Awaitable[Response]] = route.get_route_handler()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI 3)."""
        if (
            scope["type"] != "http"
            or scope["path"] != self.route.path
            or scope["method"] not in self.methods
            or scope.get("root_path")
        ):
            await self.app(scope, receive, send)
            return
        scope["route"] = self.route
        request = Request(scope, receive, send)
        try:
            response = await self.handle(request)
        except VitrineError as error:
            response = problem_response(request, error)
        except RequestValidationError as error:
            response = invalid_request_response(request, error)
        await response(scope, receive, send)
