"""Reads the body of a request in a foreign protocol: whole, and plain where it came compressed."""

from __future__ import annotations

from fastapi import Request

from service.compression import decompressed
from service.routes.context import Context
from service.routes.pictures import read_body
from service.stage_times import TimedStage


async def read_plain_body(request: Request, context: Context) -> bytes:
    """Read a body and unpack gzip or deflate, neither beyond the body limit.

    Raises PayloadTooLarge, UnsupportedMediaType, InvalidInput and CallerGone.
    """
    limit = context.settings.max_body_bytes
    encoding = request.headers.get("content-encoding", "")
    with TimedStage(context.metrics, "read"):
        body = await read_body(request, limit)
        if not encoding:
            return body
        return await context.in_thread(lambda: decompressed(body, encoding, limit))
