"""`/v2`: the Open Inference Protocol over HTTP, what is served and whether it answers."""

from __future__ import annotations

from fastapi import APIRouter, Response

from service import __version__
from service.errors import ModelNotFound, ModelNotReady
from service.open_inference.metadata import (
    EXTENSIONS,
    ModelConfiguration,
    ModelMetadata,
    ModelReadiness,
    RepositoryEntry,
    ServerLiveness,
    ServerMetadata,
    ServerReadiness,
    model_configuration,
    model_metadata,
)
from service.problems import documented
from service.routes.context import InContext

router = APIRouter(prefix="/v2", tags=["protocols"])
MODEL_PROBLEMS = (ModelNotFound, ModelNotReady)


@router.get("", summary="The server, for v2 clients", response_model=ServerMetadata)
async def server() -> ServerMetadata:
    """Name the server and the extensions of the protocol that it knows."""
    return ServerMetadata(name="vitrine", version=__version__, extensions=list(EXTENSIONS))


@router.get("/health/live", summary="Is the process alive? For v2", response_model=ServerLiveness)
async def live() -> ServerLiveness:
    """Answer 200 as long as the event loop turns."""
    return ServerLiveness(live=True)


@router.get(
    "/health/ready",
    summary="Should requests be sent? For v2",
    response_model=ServerReadiness,
    responses={503: {"model": ServerReadiness, "description": "Not ready"}},
)
async def ready(context: InContext, response: Response) -> ServerReadiness:
    """Answer 200 while requests are answered, 503 while loading or draining."""
    response.status_code = 200 if context.is_ready else ModelNotReady.status
    return ServerReadiness(ready=context.is_ready)


@router.post(
    "/repository/index",
    summary="Every model version served, for v2",
    response_model=list[RepositoryEntry],
)
async def repository_index(context: InContext) -> list[RepositoryEntry]:
    """List every model and version; all that are served are ready."""
    return [
        RepositoryEntry(
            name=model.contract.name, version=model.contract.version, state="READY", reason=""
        )
        for model in context.registry.models
    ]


async def metadata(name: str, context: InContext, version: str | None = None) -> ModelMetadata:
    """Give a model's versions, inputs and outputs. Send one of the inputs, not both."""
    contract = context.registry.get(name, version).contract
    versions = [model.contract.version for model in context.registry.versions(name)]
    return model_metadata(contract, versions)


async def model_ready(name: str, context: InContext, version: str | None = None) -> ModelReadiness:
    """Answer 200 where a model is ready, 503 where it is not."""
    model = context.registry.get(name, version)
    if context.is_draining or not model.is_alive:
        raise ModelNotReady(f"model {name} does not answer now; try again")
    return ModelReadiness(name=name, ready=True)


async def config(name: str, context: InContext, version: str | None = None) -> ModelConfiguration:
    """Give inputs, outputs and the most images of one request, as Triton's clients read them."""
    contract = context.registry.get(name, version).contract
    return model_configuration(contract, context.settings.max_images)


for path, what in (
    ("/models/{name}/versions/{version}", "model version"),
    ("/models/{name}", "model"),
):
    for end, endpoint, answer, summary in (
        ("", metadata, ModelMetadata, f"A {what}'s tensors, for v2"),
        ("/ready", model_ready, ModelReadiness, f"Does a {what} answer? For v2"),
        ("/config", config, ModelConfiguration, f"A {what}'s configuration in Triton's words"),
    ):
        router.add_api_route(
            path + end,
            endpoint,
            summary=summary,
            response_model=answer,
            responses=documented(MODEL_PROBLEMS),
        )
