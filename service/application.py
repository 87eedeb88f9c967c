"""FastAPI with its layers in another order."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.types import ASGIApp


class Application(FastAPI):
    """An application whose own middleware stands outside FastAPI's.

    FastAPI puts its layers for unexpected errors, telemetry and body sizes around all others. Ours
    do that work, and answer most requests before they reach them, which spares an answer about a
    tenth of the time that it takes outside the engine.
    """

    def build_middleware_stack(self) -> ASGIApp:
        """Put what `add_middleware` was given, the last one outermost, around all of FastAPI."""
        ours, self.user_middleware = self.user_middleware, []
        app = super().build_middleware_stack()
        self.user_middleware = ours
        for middleware, arguments, options in reversed(ours):
            app = middleware(app, *arguments, **options)
        return app
