"""`GET /health/...`: live (the process answers), startup (models are open), ready (ask away)."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Response

from service.routes.context import Context, InContext
from service.routes.models import model_item
from service.schemas import Liveness, Readiness

router = APIRouter(prefix="/health", tags=["health"])
NOT_READY = 503
UNREADY: dict[int | str, dict[str, Any]] = {
    NOT_READY: {"model": Readiness, "description": "Not ready"}
}


@router.get("/live", summary="Is the process alive?", response_model=Liveness)
async def live() -> Liveness:
    """Answer 200 as long as the event loop turns."""
    return Liveness(status="live")


@router.get(
    "/startup",
    summary="Are the models open?",
    response_model=Readiness,
    responses=UNREADY,
)
async def startup(context: InContext, response: Response) -> Readiness:
    """Answer 200 once the models were verified and warmed up, 503 before."""
    return _readiness(context, response, "ready" if context.registry.models else "loading")


@router.get(
    "/ready",
    summary="Should requests be sent?",
    response_model=Readiness,
    responses=UNREADY,
)
async def ready(context: InContext, response: Response) -> Readiness:
    """Answer 200 while requests are answered, 503 while loading or draining."""
    if context.is_draining:
        return _readiness(context, response, "draining")
    return _readiness(context, response, "ready" if context.registry.is_ready else "loading")


def _readiness(
    context: Context, response: Response, status: Literal["ready", "loading", "draining"]
) -> Readiness:
    response.status_code = 200 if status == "ready" else NOT_READY
    registry = context.registry
    return Readiness(
        status=status,
        models=[model_item(model, registry) for model in registry.models],
        fallback=any(model.engine.is_fallback for model in registry.models),
    )
