"""A request's headers, for who needs one or two of them."""

from __future__ import annotations

from starlette.types import Scope


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """Give the headers by their names in lower case; of one that comes twice, the first."""
    return dict(reversed(scope["headers"]))
