"""`POST /explain`: what the model saw in a picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response

from service.answers import method_items, model_identity
from service.drawing.heatmap import drawn_size, encode_png
from service.drawing.options import Drawing
from service.drawing.sheet import Tile
from service.errors import (
    InvalidInput,
    InvalidParameter,
    ModelNotFound,
    ModelNotReady,
    VitrineError,
)
from service.explain_schemas import (
    ExplainAnswer,
    ExplainAnswers,
    ExplainMapsAnswer,
    ExplainMapsResult,
    ExplainParameters,
    ExplainResult,
    MethodItem,
)
from service.explanation.inquiry import Explanation
from service.explanation.question import Question
from service.figure import Figure, draw_tiles, lay_out
from service.problems import EXPLAIN_PROBLEMS, documented
from service.routes.accept import MEDIA_TYPES, preferred_form
from service.routes.cached_explanation import Sought
from service.routes.context import Context, InContext
from service.routes.explanation import (
    Outcome,
    check_work,
    explain_subjects,
    places_for,
    prepare_subjects,
    question_for,
    result_of,
    sought_pictures,
)
from service.routes.pictures import REQUEST_BODY, Pictures, read_pictures
from service.routes.stages import Stopwatch, answering_model, seconds_left, while_connected
from service.schemas import FailedResult, ModelChoice
from service.served_model import ServedModel
from service.stage_times import TimedStage

router = APIRouter(tags=["explain"])

BINARY = {"schema": {"type": "string", "format": "binary"}}
FORMATS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The maps, in the form that `format` or the Accept header asks for",
        "content": {MEDIA_TYPES["png"]: BINARY, MEDIA_TYPES["npy"]: BINARY},
    }
}

FEW_MAPS = 2  # are written in less time than another thread takes to begin

Answer = ExplainAnswer | ExplainMapsAnswer | ExplainAnswers


@router.post(
    "/explain",
    summary="Explain a prediction",
    response_model=Answer,
    responses={**FORMATS, **documented(EXPLAIN_PROBLEMS)},
    openapi_extra=REQUEST_BODY,
)
async def explain(
    request: Request, context: InContext, parameters: Annotated[ExplainParameters, Query()]
) -> Response:
    """Say which patches of a picture a class rests on.

    Answers JSON by default, a heatmap over the picture with `Accept: image/png`, the raw grid as a
    NumPy array with `Accept: application/x-npy`. Several maps in one request are drawn as a sheet.
    """
    watch = Stopwatch.start()
    name, version = parameters.model, parameters.version
    with answering_model(request, context, "explain", name, version) as model:
        asked = question_for(parameters, model)
        pictures = await read_pictures(request, context)
        form = _form(parameters, request, pictures)
        check_work(asked, len(pictures.data), model, context)
        sought = await sought_pictures(context, model, pictures.data, asked)
        with places_for(sought, asked, model, seconds_left(request)):
            return await _answered(
                request, context, model, pictures, sought, form, asked, parameters, watch
            )


async def _answered(
    request: Request,
    context: Context,
    model: ServedModel,
    pictures: Pictures,
    sought: Sequence[Sought],
    form: str,
    asked: Question,
    parameters: ExplainParameters,
    watch: Stopwatch,
) -> Response:
    """Explain what was admitted, in the form that is asked for."""
    subjects = await prepare_subjects(request, sought, context, model, watch)
    if not pictures.is_list and isinstance(subjects[0], VitrineError):
        raise subjects[0]
    if form == "png":  # a drawing that cannot be is refused before the work
        for item in subjects:
            if not isinstance(item, VitrineError):
                drawn_size(item.image.width, item.image.height, parameters.size)
    outcomes = await explain_subjects(
        request, context, model, pictures.data, subjects, asked, watch
    )

    def describe() -> Answer:
        results = [result_of(one, asked, parameters, model, request) for one in outcomes]
        return _answer(results, pictures, model, watch)

    if form == "npy":
        return _npy(outcomes[0], context)
    if form == "json":
        if len(outcomes) * len(asked.targets) <= FEW_MAPS:
            return _json(describe(), context)
        return await context.in_thread(lambda: _json(describe(), context))
    answer = await context.in_thread(describe)
    drawn = _png(outcomes, answer, asked, parameters, model, context)
    return await while_connected(request, drawn)


@router.get(
    "/explain/methods",
    summary="The methods that explain",
    response_model=list[MethodItem],
    responses=documented((ModelNotFound, InvalidParameter, ModelNotReady)),
)
async def methods(context: InContext, choice: Annotated[ModelChoice, Query()]) -> list[MethodItem]:
    """Say what each method means, where it comes from, what it costs and how faithful it is."""
    return method_items(context.registry.get(choice.model, choice.version).contract)


def _form(parameters: ExplainParameters, request: Request, pictures: Pictures) -> str:
    form = parameters.format or preferred_form(request.headers.get("accept", ""))
    if pictures.is_list and form == "npy":
        raise InvalidInput(
            f"{len(pictures.data)} pictures are answered in JSON or PNG; "
            f"send one picture for {MEDIA_TYPES[form]}"
        )
    return form


def _answer(
    results: Sequence[ExplainResult | ExplainMapsResult | FailedResult],
    pictures: Pictures,
    model: ServedModel,
    watch: Stopwatch,
) -> Answer:
    told = {"model": model_identity(model.engine.bundle), "timing_ms": watch.timing()}
    if pictures.is_list:
        return ExplainAnswers(results=list(results), **told)
    if isinstance(results[0], ExplainMapsResult):
        return ExplainMapsAnswer(**dict(results[0]), **told)
    return ExplainAnswer(**dict(results[0]), **told)


async def _png(
    outcomes: Sequence[Outcome],
    answer: Answer,
    asked: Question,
    drawing: Drawing,
    model: ServedModel,
    context: Context,
) -> Response:
    """Draw picture by picture, so that nothing goes on when the caller has left."""
    count = len(outcomes) * len(asked.targets)
    tiles: list[Tile] = []
    with TimedStage(context.metrics, "encode") as stage:
        for number, outcome in enumerate(outcomes, start=1):
            name = f"{number}:" if len(outcomes) > 1 else ""
            figure = Figure(outcome.data, outcome.shown, name)
            draw = partial(draw_tiles, figure, count, asked, drawing, model.contract)
            tiles += await context.in_thread(partial(draw, context.limits))
        metadata = answer.model_dump_json()
        png = await context.in_thread(lambda: encode_png(lay_out(tiles), metadata))
        stage.sizes["bytes"] = len(png)
    return Response(png, media_type=MEDIA_TYPES["png"])


def _json(answer: Answer, context: Context) -> Response:
    with TimedStage(context.metrics, "encode") as stage:
        body = answer.model_dump_json().encode()
        stage.sizes["bytes"] = len(body)
    return Response(body, media_type=MEDIA_TYPES["json"])


def _npy(outcome: Outcome, context: Context) -> Response:
    """Give the grid [rows, columns], or [targets, rows, columns] where there are several."""
    assert isinstance(outcome.found, Explanation)
    maps = [one.scores for one in outcome.found.maps]
    buffer = io.BytesIO()
    with TimedStage(context.metrics, "encode") as stage:
        np.save(buffer, np.stack(maps) if len(maps) > 1 else maps[0])
        stage.sizes["bytes"] = buffer.tell()
    return Response(buffer.getvalue(), media_type=MEDIA_TYPES["npy"])
