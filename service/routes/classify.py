"""`POST /classify`: which classes a picture shows."""

from __future__ import annotations

from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from service.answers import classify_result, model_identity
from service.errors import VitrineError
from service.problems import PICTURE_PROBLEMS, documented
from service.routes.classification import ClassifiedPicture, classify_pictures
from service.routes.context import Context, InContext
from service.routes.pictures import REQUEST_BODY, read_pictures
from service.routes.query_route import QueryRoute
from service.routes.stages import Stopwatch, answering_model, failed
from service.schemas import (
    ClassifyAnswer,
    ClassifyAnswers,
    ClassifyParameters,
    ClassifyResult,
)
from service.stage_times import TimedStage

Answer = TypeVar("Answer")
router = APIRouter(tags=["classify"], route_class=QueryRoute)
ANSWER, ANSWERS = TypeAdapter(ClassifyAnswer), TypeAdapter(ClassifyAnswers)


@router.post(
    "/classify",
    summary="Classify pictures",
    response_model=ClassifyAnswer | ClassifyAnswers,
    responses=documented(PICTURE_PROBLEMS),
    openapi_extra=REQUEST_BODY,
)
async def classify(
    request: Request, context: InContext, parameters: Annotated[ClassifyParameters, Query()]
) -> Response:
    """Give the most probable classes of one picture, or of several in one batch.

    Send raw bytes for one picture; multipart parts named `image` or JSON base64 for one or many.
    One bad picture among several gets its own error and does not fail the others.
    """
    watch = Stopwatch.start()
    with answering_model(
        request, context, "classify", parameters.model, parameters.version
    ) as model:
        pictures = await read_pictures(request, context)
        classified = await classify_pictures(request, context, model, pictures.data, watch)
    who, timing = model_identity(model.engine.bundle), watch.timing()

    def result(item: ClassifiedPicture) -> ClassifyResult:
        embedding = item.readout if parameters.embedding else None
        return classify_result(
            item.image, item.ranking, model.contract, parameters.top_k, embedding
        )

    if not pictures.is_list:
        (only,) = classified
        if isinstance(only, VitrineError):
            raise only
        answer = ClassifyAnswer(**vars(result(only)), model=who, timing_ms=timing)
        return _json(ANSWER, answer, context)
    results = [
        failed(item, request) if isinstance(item, VitrineError) else result(item)
        for item in classified
    ]
    answers = ClassifyAnswers(results=results, model=who, timing_ms=timing)
    return _json(ANSWERS, answers, context)


(route,) = (found for found in router.routes if isinstance(found, APIRoute))


def _json(form: TypeAdapter[Answer], answer: Answer, context: Context) -> Response:
    with TimedStage(context.metrics, "encode") as stage:
        body = form.dump_json(answer, exclude_none=True)
        stage.sizes["bytes"] = len(body)
    return Response(body, media_type="application/json")
