"""`POST /explain`: what the model saw in a picture."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response

from service.answers import explain_result, method_items, model_identity
from service.drawing.heatmap import drawn_size, encode_png
from service.drawing.options import Drawing
from service.drawing.sheet import Tile
from service.engine import Arrays
from service.errors import (
    InvalidInput,
    InvalidParameter,
    ModelNotFound,
    ModelNotReady,
    NotExplainable,
    VitrineError,
)
from service.exchange import note_model, timed_stage
from service.explain_schemas import (
    ExplainAnswer,
    ExplainAnswers,
    ExplainMapsAnswer,
    ExplainMapsResult,
    ExplainParameters,
    ExplainResult,
    MethodItem,
)
from service.explanation.inquiry import Explanation, Inquiry
from service.explanation.question import Question, ask
from service.figure import Figure, draw_tiles, lay_out
from service.preprocess import ImageFacts
from service.problems import EXPLAIN_PROBLEMS, documented
from service.routes.accept import MEDIA_TYPES, preferred_form
from service.routes.context import Context, InContext
from service.routes.pictures import REQUEST_BODY, Pictures, read_pictures
from service.routes.stages import (
    Prepared,
    Stopwatch,
    deadline,
    failed,
    note_runs,
    prepare,
    while_connected,
)
from service.schemas import FailedResult, ModelChoice
from service.served_model import Lane, ServedModel

router = APIRouter(tags=["explain"])

BINARY = {"schema": {"type": "string", "format": "binary"}}
FORMATS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The maps, in the form that `format` or the Accept header asks for",
        "content": {MEDIA_TYPES["png"]: BINARY, MEDIA_TYPES["npy"]: BINARY},
    }
}

PICTURES_AT_ONCE = 8  # of one request
FEW_MAPS = 2  # are written in less time than another thread takes to begin

Answer = ExplainAnswer | ExplainMapsAnswer | ExplainAnswers


@dataclass(frozen=True)
class Outcome:
    """What became of one picture: the facts of it and its maps, or why there are none."""

    data: bytes
    image: ImageFacts | None
    found: Explanation | VitrineError

    @property
    def shown(self) -> Explanation | str:
        """What is drawn: the maps, or the error's title in their place."""
        return self.found.title if isinstance(self.found, VitrineError) else self.found


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
    async with deadline(context.settings.deadline_seconds):
        with context.registry.lease(parameters.model, parameters.version) as model:
            note_model(model.contract.name, model.contract.version)
            asked = _question(parameters, model)
            pictures = await read_pictures(request, context)
            form = _form(parameters, request, pictures)
            _check_work(asked, len(pictures.data), model, context)
            prepared = await prepare(pictures.data, model.contract.preprocessing, context, watch)
            if not pictures.is_list and isinstance(prepared[0], VitrineError):
                raise prepared[0]
            readable = [item for item in prepared if isinstance(item, Prepared)]
            if form == "png":
                for item in readable:  # a drawing that cannot be is refused before the work
                    drawn_size(item.image.width, item.image.height, parameters.size)
            explained = await while_connected(
                request, _explain(readable, asked, model, context, watch)
            )
            outcomes = _outcomes(pictures, prepared, explained)

            def describe() -> Answer:
                results = [_result(one, asked, parameters, model, request) for one in outcomes]
                return _answer(results, pictures, model, watch)

            if form == "npy":
                return _npy(explained[0], context)
            if form == "json":
                if len(explained) * len(asked.targets) <= FEW_MAPS:
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


def _question(parameters: ExplainParameters, model: ServedModel) -> Question:
    if not model.engine.is_explainable:
        raise NotExplainable(model.engine.how_to_explain)
    return ask(model.contract, parameters)


def _check_work(asked: Question, pictures: int, model: ServedModel, context: Context) -> None:
    passes = pictures * asked.passes(model.contract.architecture.patches)
    if passes > context.settings.max_request_passes:
        raise InvalidParameter(
            f"this takes up to {passes:,} passes, more than {context.settings.max_request_passes:,}"
            "; send fewer pictures, targets or steps, or choose a method that takes one pass"
        )


def _form(parameters: ExplainParameters, request: Request, pictures: Pictures) -> str:
    form = parameters.format or preferred_form(request.headers.get("accept", ""))
    if pictures.is_list and form == "npy":
        raise InvalidInput(
            f"{len(pictures.data)} pictures are answered in JSON or PNG; "
            f"send one picture for {MEDIA_TYPES[form]}"
        )
    return form


async def _explain(
    readable: Sequence[Prepared],
    asked: Question,
    model: ServedModel,
    context: Context,
    watch: Stopwatch,
) -> list[Explanation]:
    """Answer the same question about every picture, a few at a time: attention can be large."""
    explained: list[Explanation] = []
    with model.study() if asked.is_thorough else nullcontext():
        for start in range(0, len(readable), PICTURES_AT_ONCE):
            inquiries = [
                Inquiry(item.pixel_values, asked, model.contract)
                for item in readable[start : start + PICTURES_AT_ONCE]
            ]
            await _answer_in_step(inquiries, asked, model, context, watch)
            explained += [inquiry.answer for inquiry in inquiries if inquiry.answer]
    context.metrics.explanations.labels(
        model.contract.name, asked.method, str(asked.faithfulness).lower()
    ).inc(len(explained))
    return explained


async def _answer_in_step(
    inquiries: Sequence[Inquiry],
    asked: Question,
    model: ServedModel,
    context: Context,
    watch: Stopwatch,
) -> None:
    """Run what all inquiries need next together, until none needs more.

    A quick method's own passes take the lane of the quick; all others, faithfulness too, go apart.
    """
    lane: Lane = "explain" if asked.definition.is_quick else "study"

    def hand_out(results: Iterator[Arrays]) -> None:
        for inquiry in inquiries:
            inquiry.take([next(results) for _ in inquiry.needed])

    while passes := [one for inquiry in inquiries for one in inquiry.needed]:
        results: list[Arrays] = []
        for start in range(0, len(passes), model.passes_at_once):
            runs = await model.walk(passes[start : start + model.passes_at_once], lane)
            note_runs(runs, lane, context, watch)
            context.metrics.passes.labels(lane).inc(len(runs))
            results += [run.result for run in runs]
        await context.in_thread(partial(hand_out, iter(results)))
        lane = "study"


def _outcomes(
    pictures: Pictures,
    prepared: Sequence[Prepared | VitrineError],
    explained: Sequence[Explanation],
) -> list[Outcome]:
    in_order = iter(explained)
    return [
        Outcome(data, item.image, next(in_order))
        if isinstance(item, Prepared)
        else Outcome(data, None, item)
        for data, item in zip(pictures.data, prepared, strict=True)
    ]


def _result(
    outcome: Outcome,
    asked: Question,
    drawing: Drawing,
    model: ServedModel,
    request: Request,
) -> ExplainResult | ExplainMapsResult | FailedResult:
    if isinstance(outcome.found, VitrineError):
        return failed(outcome.found, request)
    assert outcome.image is not None
    return explain_result(outcome.image, outcome.found, asked, drawing, model.contract)


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
    with timed_stage(context.metrics, "encode") as sizes:
        for number, outcome in enumerate(outcomes, start=1):
            name = f"{number}:" if len(outcomes) > 1 else ""
            figure = Figure(outcome.data, outcome.shown, name)
            draw = partial(draw_tiles, figure, count, asked, drawing, model.contract)
            tiles += await context.in_thread(partial(draw, context.limits))
        metadata = answer.model_dump_json()
        png = await context.in_thread(lambda: encode_png(lay_out(tiles), metadata))
        sizes["bytes"] = len(png)
    return Response(png, media_type=MEDIA_TYPES["png"])


def _json(answer: Answer, context: Context) -> Response:
    with timed_stage(context.metrics, "encode") as sizes:
        body = answer.model_dump_json().encode()
        sizes["bytes"] = len(body)
    return Response(body, media_type=MEDIA_TYPES["json"])


def _npy(explanation: Explanation, context: Context) -> Response:
    """Give the grid [rows, columns], or [targets, rows, columns] where there are several."""
    maps = [one.scores for one in explanation.maps]
    buffer = io.BytesIO()
    with timed_stage(context.metrics, "encode") as sizes:
        np.save(buffer, np.stack(maps) if len(maps) > 1 else maps[0])
        sizes["bytes"] = buffer.tell()
    return Response(buffer.getvalue(), media_type=MEDIA_TYPES["npy"])
