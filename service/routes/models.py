"""`/models`: what is served, with its contract, and how it is renewed while it is served."""

from __future__ import annotations

from fastapi import APIRouter

from service.contract import Contract
from service.errors import (
    BundlesRefused,
    InvalidParameter,
    ModelNotFound,
    ModelNotReady,
    NothingToRollBackTo,
)
from service.loader import version_item
from service.problems import documented
from service.registry import Registry
from service.routes.context import InContext
from service.schemas import ModelItem, ReloadAnswer, RollbackAnswer
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


@router.post(
    "/{name}/reload",
    summary="Serve what the folder of bundles now holds",
    response_model=ReloadAnswer,
    responses=documented((ModelNotFound, BundlesRefused, InvalidParameter, ModelNotReady)),
)
async def reload(name: str, context: InContext, version: str | None = None) -> ReloadAnswer:
    """Open the new and changed bundles of a model, or of one version, and let go of those gone.

    Requests under way keep the version they began with, and none fails. Where a bundle is broken,
    nothing changes. A version that was rolled back answers again once it is named here.
    """
    answer = await context.loader.reload(name, version)
    context.relay.tell_reload(name, version)
    return answer


@router.post(
    "/{name}/rollback",
    summary="Go back to the version before",
    response_model=RollbackAnswer,
    responses=documented((ModelNotFound, NothingToRollBackTo, ModelNotReady)),
)
async def rollback(name: str, context: InContext) -> RollbackAnswer:
    """Withdraw the latest version: requests that name no version get the one before, at once.

    It still answers those that name it. Reload it by its version to undo this.
    """
    withdrawn = context.registry.roll_back(name)
    context.relay.tell_withdrawn(name)
    latest = context.registry.get(name)
    return RollbackAnswer(name=name, withdrawn=version_item(withdrawn), latest=version_item(latest))


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
        is_traceable=model.engine.is_traceable,
        state="withdrawn" if registry.is_withdrawn(model) else "served",
        labels=list(model.contract.labels),
    )
