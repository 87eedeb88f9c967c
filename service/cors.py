"""Lets pages of other origins call the API from a browser (CORS), where an operator says so."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

METHODS = ("GET", "POST")
EXPOSED_HEADERS = ("X-Request-Id", "Retry-After", "Server-Timing")


def allow_origins(app: FastAPI, origins: Sequence[str]) -> None:
    """Answer preflights, and let pages of these origins read answers, refusals too.

    Cookies are never allowed: a key comes in a header that the page itself must set.
    """
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=METHODS,
        allow_headers=("*",),
        expose_headers=EXPOSED_HEADERS,
    )
