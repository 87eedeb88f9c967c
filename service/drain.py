"""What callers see of a process that is about to stop."""

from __future__ import annotations

from uvicorn.server import ServerState

CLOSE = (b"connection", b"close")


def close_after_answers(state: ServerState) -> None:
    """Let every answer end its connection, so that callers who keep theirs open move elsewhere.

    To close idle connections instead would race with the requests that are on their way.
    """
    if CLOSE not in state.default_headers:
        state.default_headers.append(CLOSE)
