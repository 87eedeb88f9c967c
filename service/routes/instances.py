"""`/v1/models`: KServe's first protocol, instances in and predictions or explanations out."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from service.answers import classify_result
from service.drawing.options import Drawing
from service.errors import (
    ErrorDetail,
    InvalidParameter,
    ModelNotFound,
    ModelNotReady,
    VitrineError,
)
from service.instance_schemas import (
    ExplainInstancesParameters,
    Explanations,
    ModelList,
    ModelStatus,
    Predictions,
    PredictParameters,
)
from service.instances import Instances, read_instances
from service.problems import EXPLAIN_PROBLEMS, PICTURE_PROBLEMS, documented
from service.routes.body import read_plain_body
from service.routes.classification import ClassifiedPicture, classify_pictures
from service.routes.context import Context, InContext
from service.routes.explanation import (
    check_work,
    explain_subjects,
    places_for,
    prepare_subjects,
    question_for,
    result_of,
    sought_pictures,
)
from service.routes.pictures import BASE64
from service.routes.stages import Stopwatch, answering_model, failed, seconds_left
from service.schemas import ClassifyResult, FailedResult

router = APIRouter(prefix="/v1/models", tags=["protocols"])
Parameters = TypeVar("Parameters", bound=BaseModel)

ENCODED = {"type": "object", "required": ["b64"], "properties": {"b64": BASE64}}
INSTANCES_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "Pictures as base64. `parameters` are those of the query, and go before it.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["instances"],
                    "properties": {
                        "instances": {
                            "type": "array",
                            "minItems": 1,
                            "items": {
                                "oneOf": [
                                    {
                                        "type": "object",
                                        "required": [name],
                                        "properties": {name: ENCODED},
                                    }
                                    for name in ("image", "image_bytes")
                                ]
                                + [ENCODED]
                            },
                        },
                        "parameters": {"type": "object"},
                    },
                },
                "examples": {
                    "one": {"value": {"instances": [{"image": {"b64": "iVBORw0KGgo..."}}]}}
                },
            }
        },
    }
}


@router.get("", summary="The models served, for KServe", response_model=ModelList)
async def models(context: InContext) -> ModelList:
    """Name every model, once for all its versions."""
    names = dict.fromkeys(model.contract.name for model in context.registry.models)
    return ModelList(models=list(names))


@router.get(
    "/{name}",
    summary="Does a model answer? For KServe",
    response_model=ModelStatus,
    responses=documented((ModelNotFound, ModelNotReady)),
)
async def status(name: str, context: InContext) -> ModelStatus:
    """Answer 200 where a model is ready, 503 where it is not."""
    model = context.registry.get(name)
    if context.is_draining or not model.is_alive:
        raise ModelNotReady(f"model {name} does not answer now; try again")
    return ModelStatus(name=name, ready=True)


@router.post(
    "/{name}:predict",
    summary="Classify pictures, as KServe's first protocol",
    response_model=Predictions,
    responses=documented(PICTURE_PROBLEMS),
    openapi_extra=INSTANCES_BODY,
)
async def predict(
    name: str, request: Request, context: InContext, query: Annotated[PredictParameters, Query()]
) -> Response:
    """Give the most probable classes of every instance; a bad picture does not fail the others."""
    with answering_model(request, context, "classify", name, query.version) as model:
        instances = await _read(request, context)
        parameters = _joined(query, instances)
        classified = await classify_pictures(
            request, context, model, instances.data, Stopwatch.start()
        )

    def result(item: ClassifiedPicture | VitrineError) -> ClassifyResult | FailedResult:
        if isinstance(item, VitrineError):
            return failed(item, request)
        embedding = item.readout if parameters.embedding else None
        contract, top_k = model.contract, parameters.top_k
        return classify_result(item.image, item.ranking, contract, top_k, embedding)

    answer = Predictions(predictions=[result(item) for item in classified])
    return _json(answer.model_dump_json(exclude_none=True))


@router.post(
    "/{name}:explain",
    summary="Explain predictions, as KServe's first protocol",
    response_model=Explanations,
    responses=documented(EXPLAIN_PROBLEMS),
    openapi_extra=INSTANCES_BODY,
)
async def explain(
    name: str,
    request: Request,
    context: InContext,
    query: Annotated[ExplainInstancesParameters, Query()],
) -> Response:
    """Say which patches of every instance a class rests on; a bad picture fails alone."""
    watch = Stopwatch.start()
    with answering_model(request, context, "explain", name, query.version) as model:
        instances = await _read(request, context)
        asked = question_for(_joined(query, instances), model)
        check_work(asked, len(instances.data), model, context)
        sought = await sought_pictures(context, model, instances.data, asked)
        with places_for(sought, asked, model, seconds_left(request)):
            subjects = await prepare_subjects(request, sought, context, model, watch)
            outcomes = await explain_subjects(
                request, context, model, instances.data, subjects, asked, watch
            )

            def describe() -> Response:
                results = [result_of(one, asked, Drawing(), model, request) for one in outcomes]
                return _json(Explanations(explanations=results).model_dump_json())

            return await context.in_thread(describe)


async def _read(request: Request, context: Context) -> Instances:
    body = await read_plain_body(request, context)
    return await context.in_thread(lambda: read_instances(body, context.settings.max_images))


def _joined(query: Parameters, instances: Instances) -> Parameters:
    """Join the parameters of query and body; the body's go before.

    The model is held before the body is read, so that only the query can choose its version.
    """
    if "version" in instances.parameters:
        detail = "parameters/version: name the version in the query, as ?version="
        raise InvalidParameter(detail, [ErrorDetail("parameters/version", detail)])
    try:
        return type(query).model_validate(
            {**query.model_dump(exclude_unset=True), **instances.parameters}
        )
    except ValidationError as error:
        raise RequestValidationError(
            [{**item, "loc": ("body", "parameters", *item["loc"])} for item in error.errors()]
        ) from None


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")
