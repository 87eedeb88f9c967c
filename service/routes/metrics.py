"""`GET /metrics`: what Prometheus scrapes."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from service.routes.context import InContext

router = APIRouter(tags=["metrics"])


@router.get(
    "/metrics",
    summary="Metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(context: InContext) -> Response:
    """Give all metrics in the Prometheus text format."""
    context.record_state()
    return Response(context.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)
