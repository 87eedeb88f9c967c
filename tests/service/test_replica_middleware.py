"""What the application is told of a caller who left, however Ray comes to tell it."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("ray")

from ray.exceptions import TaskCancelledError

from service.replica_middleware import ReplicaMiddleware

PATIENCE_SECONDS = 20
SCOPE = {"type": "http", "path": "/classify", "raw_path": b"/classify", "headers": []}


async def nothing(*_: object) -> None:
    pass


def told(receive) -> dict:
    """Give what an application receives through the middleware."""
    found = []

    async def application(scope, receive_here, send):
        found.append(await receive_here())

    async def bounded():
        async with asyncio.timeout(PATIENCE_SECONDS):
            await ReplicaMiddleware(application, nothing)(SCOPE, receive, nothing)

    asyncio.run(bounded())
    return found[0]


def test_a_body_whose_reading_ray_cancelled_is_of_a_caller_who_left() -> None:
    async def receive():
        raise TaskCancelledError

    assert told(receive) == {"type": "http.disconnect"}


def test_what_comes_is_given_as_it_is() -> None:
    message = {"type": "http.request", "body": b"picture", "more_body": False}

    async def receive():
        return message

    assert told(receive) == message


def test_another_error_of_the_reading_is_not_hidden() -> None:
    async def receive():
        raise OSError("the proxy is gone")

    with pytest.raises(OSError, match="the proxy is gone"):
        told(receive)
