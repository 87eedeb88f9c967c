"""Origins, as a browser sends them: scheme, host and port."""

from __future__ import annotations

import re
from collections.abc import Sequence

ANY = "*"
ORIGIN = re.compile(r"https?://[^/?#\s@]+", re.IGNORECASE)


def checked_origins(origins: Sequence[str]) -> tuple[str, ...]:
    """Give origins that a browser can send; a path or a last slash would never match one."""
    for origin in origins:
        if origin != ANY and not ORIGIN.fullmatch(origin):
            raise ValueError(
                f"{origin!r} is no origin; write scheme, host and port, "
                "such as https://example.org, without a path or a slash at the end"
            )
    return tuple(origins)
