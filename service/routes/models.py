"""`GET /models`: what is served, with its contract."""

from __future__ import annotations

from fastapi import APIRouter

from service.contract import Contract
from service.errors import InvalidParameter, ModelNotFound, ModelNotReady
from service.problems import documented
from service.registry import Registry
from service.routes.context import InContext
from service.schemas import ModelItem
from service.served_model import ServedModel

router = APIRouter(prefix="/models", tags=["models"])


@router.get("", summary="The models served", response_model=list[ModelItem])
async def models(context: InContext) -> list[ModelItem]:
    """List every model and version, the latest version of a name first."""
    return [model_item(model, context.registry) for model in context.registry.models]


@router.get(
    "/{name}",
    summary="A model's contract",
    response_model=Contract,
    responses=documented((ModelNotFound, InvalidParameter, ModelNotReady)),
)
async def contract(name: str, context: InContext, version: str | None = None) -> Contract:
    """Give everything that is known of a model; the latest version if none is asked for."""
    return context.registry.get(name, version).contract


def model_item(model: ServedModel, registry: Registry) -> ModelItem:
    """Describe a model in a line."""
    return ModelItem(
        name=model.contract.name,
        version=model.contract.version,
        digest=model.digest,
        provider=model.engine.provider,
        precision=model.precision.name,
        precision_chosen_by=model.precision.chosen_by,
        precision_speedup=model.precision.speedup,
        is_default=model is registry.get(),
        is_explainable=model.engine.is_explainable,
        labels=list(model.contract.labels),
    )
