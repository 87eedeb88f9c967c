"""A request's headers, for who needs one or two of them."""

from __future__ import annotations

from starlette.types import Scope

BY_NAME = "vitrine.headers"  # in a request's scope, once somebody has asked


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """Give the headers by their names in lower case; of one that comes twice, the first."""
    found: dict[bytes, bytes] | None = scope.get(BY_NAME)
    if found is None:
        found = scope[BY_NAME] = dict(reversed(scope["headers"]))
    return found
