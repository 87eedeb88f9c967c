"""`POST /classify`: which classes a picture shows."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.answers import classify_result, model_identity
from service.errors import VitrineError
from service.problems import PICTURE_PROBLEMS, documented
from service.routes.context import InContext
from service.routes.pictures import REQUEST_BODY, read_pictures
from service.routes.stages import (
    Prepared,
    Stopwatch,
    deadline,
    failed,
    note_runs,
    prepare,
    while_connected,
)
from service.schemas import (
    ClassifyAnswer,
    ClassifyAnswers,
    ClassifyParameters,
    ClassifyResult,
)

router = APIRouter(tags=["classify"])


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
    async with deadline(context.settings.deadline_seconds):
        model = context.registry.get(parameters.model, parameters.version)
        pictures = await read_pictures(request, context)
        prepared = await prepare(pictures.data, model.contract.preprocessing, context, watch)
        if not pictures.is_list and isinstance(prepared[0], VitrineError):
            raise prepared[0]
        readable = [item for item in prepared if isinstance(item, Prepared)]
        images = [item.pixel_values for item in readable]
        runs = await while_connected(request, model.classify(images))
    note_runs(runs, "inference", context, watch)
    results: list[ClassifyResult] = []
    for item, run in zip(readable, runs, strict=True):
        embedding = run.result.readout if parameters.embedding else None
        result = classify_result(
            item.image, run.result.logits, model.contract, parameters.top_k, embedding
        )
        context.metrics.predicted.labels(model.contract.name, result.predictions[0].label).inc()
        results.append(result)
    identity = model_identity(model.engine.bundle)
    if not pictures.is_list:
        answer = ClassifyAnswer(**dict(results[0]), model=identity, timing_ms=watch.timing())
        return _json(answer)
    in_order = iter(results)
    answers = ClassifyAnswers(
        model=identity,
        results=[
            failed(item, request) if isinstance(item, VitrineError) else next(in_order)
            for item in prepared
        ],
        timing_ms=watch.timing(),
    )
    return _json(answers)


def _json(answer: ClassifyAnswer | ClassifyAnswers) -> Response:
    return Response(answer.model_dump_json(exclude_none=True), media_type="application/json")
