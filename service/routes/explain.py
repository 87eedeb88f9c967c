"""`POST /explain`: what the model saw in a picture."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response

from service.answers import explain_result, model_identity
from service.engine import Attribution
from service.errors import InvalidInput, NotExplainable, VitrineError
from service.explain import DEFAULT_METHOD, METHODS, Explanation, Question, ask, explain_image
from service.heatmap import LONGEST_DRAWN, Drawing, Scale, draw_heatmap, encode_png
from service.preprocess import DRAFT_MARGIN, decode_image
from service.problems import EXPLAIN_PROBLEMS, documented
from service.registry import ExplainItem, ServedModel
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
from service.schemas import (
    ExplainAnswer,
    ExplainAnswers,
    ExplainParameters,
    ExplainResult,
    MethodItem,
)

router = APIRouter(tags=["explain"])

MEDIA_TYPES = {"png": "image/png", "npy": "application/x-npy", "json": "application/json"}
QUALITY = re.compile(r"[01](\.\d{0,3})?")
BINARY = {"schema": {"type": "string", "format": "binary"}}
FORMATS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The map, in the form that `format` or the Accept header asks for",
        "content": {MEDIA_TYPES["png"]: BINARY, MEDIA_TYPES["npy"]: BINARY},
    }
}


@dataclass(frozen=True)
class Explained:
    """The map of one picture and the answer that describes it."""

    explanation: Explanation
    result: ExplainResult


@router.post(
    "/explain",
    summary="Explain a prediction",
    response_model=ExplainAnswer | ExplainAnswers,
    responses={**FORMATS, **documented(EXPLAIN_PROBLEMS)},
    openapi_extra=REQUEST_BODY,
)
async def explain(
    request: Request, context: InContext, parameters: Annotated[ExplainParameters, Query()]
) -> Response:
    """Say which patches of a picture a class rests on.

    Answers JSON by default, a heatmap over the picture with `Accept: image/png`, the raw grid as a
    NumPy array with `Accept: application/x-npy`. Several pictures are answered in JSON.
    """
    watch = Stopwatch.start()
    async with deadline(context.settings.deadline_seconds):
        model = context.registry.get(parameters.model, parameters.version)
        asked = _question(parameters, model)
        pictures = await read_pictures(request, context)
        form = _form(parameters, request, pictures)
        prepared = await prepare(pictures.data, model.contract.preprocessing, context, watch)
        if not pictures.is_list and isinstance(prepared[0], VitrineError):
            raise prepared[0]
        readable = [item for item in prepared if isinstance(item, Prepared)]
        explained = await while_connected(request, _explain(readable, asked, model, context, watch))
        if form == "png":
            return await context.in_thread(
                lambda: _png(
                    pictures.data[0],
                    explained[0].explanation,
                    _answer(explained[0].result, model, watch),
                    parameters.alpha,
                    model,
                    context,
                )
            )
    if form == "npy":
        return _npy(explained[0].explanation)
    if not pictures.is_list:
        return _json(_answer(explained[0].result, model, watch))
    in_order = iter(explained)
    answers = ExplainAnswers(
        model=model_identity(model.engine.bundle),
        results=[
            failed(item, request) if isinstance(item, VitrineError) else next(in_order).result
            for item in prepared
        ],
        timing_ms=watch.timing(),
    )
    return _json(answers)


@router.get("/explain/methods", summary="The methods that explain", response_model=list[MethodItem])
async def methods() -> list[MethodItem]:
    """Say what each method means, where it comes from and what it costs."""
    return [
        MethodItem(
            name=method.name,
            summary=method.summary,
            definition=method.definition,
            source=method.source,
            class_specific=method.class_specific,
            cost=method.cost,
            parameters=list(method.parameters),
            is_default=method.name == DEFAULT_METHOD,
        )
        for method in METHODS.values()
    ]


def _question(parameters: ExplainParameters, model: ServedModel) -> Question:
    if not model.engine.is_explainable:
        raise NotExplainable(
            f"model {model.contract.name} has no explain graph; "
            "export its checkpoint again with 'vitrine-model export'"
        )
    return ask(
        model.contract.architecture,
        model.contract.labels,
        method=parameters.method,
        target=parameters.target,
        versus=parameters.versus,
        sign=parameters.sign,
        layer=parameters.layer,
        head=parameters.head,
    )


def _form(parameters: ExplainParameters, request: Request, pictures: Pictures) -> str:
    form = parameters.format or _preferred(request.headers.get("accept", ""))
    if pictures.is_list and form != "json":
        raise InvalidInput(
            f"{len(pictures.data)} pictures are answered in JSON only; "
            f"send one picture for {MEDIA_TYPES[form]}"
        )
    return form


def _preferred(accept: str) -> str:
    """Give the form that an Accept header (RFC 9110, 12.5.1) ranks highest; JSON where none is."""
    best, best_quality = "json", 0.0
    for entry in accept.lower().split(","):
        media_type, *parameters = (part.strip() for part in entry.split(";"))
        stated = [part[2:] for part in parameters if part.startswith("q=")]
        quality = float(stated[0]) if stated and QUALITY.fullmatch(stated[0]) else 1.0
        for form, offered in MEDIA_TYPES.items():
            if media_type == offered and quality > best_quality:
                best, best_quality = form, quality
    return best


async def _explain(
    readable: list[Prepared],
    asked: Question,
    model: ServedModel,
    context: Context,
    watch: Stopwatch,
) -> list[Explained]:
    weights = asked.logit_weights(len(model.contract.labels))
    runs = await model.explain([ExplainItem(item.pixel_values, weights) for item in readable])
    note_runs(runs, "explain", context, watch)

    def describe(item: Prepared, attribution: Attribution) -> Explained:
        explanation = explain_image(attribution, model.contract.architecture, asked)
        result = explain_result(item.image, attribution.logits, explanation, asked, model.contract)
        return Explained(explanation, result)

    pairs = zip(readable, runs, strict=True)
    return await context.in_thread(lambda: [describe(item, run.result) for item, run in pairs])


def _answer(result: ExplainResult, model: ServedModel, watch: Stopwatch) -> ExplainAnswer:
    return ExplainAnswer(
        **dict(result), model=model_identity(model.engine.bundle), timing_ms=watch.timing()
    )


def _png(
    data: bytes,
    explanation: Explanation,
    answer: ExplainAnswer,
    alpha: float,
    model: ServedModel,
    context: Context,
) -> Response:
    side = LONGEST_DRAWN // DRAFT_MARGIN
    background = model.contract.preprocessing.background
    decoded = decode_image(data, context.limits, background, at_least=(side, side))
    with context.metrics.stage_seconds.labels("encode").time():
        picture = draw_heatmap(
            decoded.image,
            explanation.scores,
            answer.grid.crop_box,
            (decoded.width, decoded.height),
            Drawing(alpha=alpha),
            Scale.of(explanation.scores),
        )
        return Response(encode_png(picture, answer.model_dump_json()), media_type="image/png")


def _npy(explanation: Explanation) -> Response:
    buffer = io.BytesIO()
    np.save(buffer, explanation.scores)
    return Response(buffer.getvalue(), media_type=MEDIA_TYPES["npy"])


def _json(answer: ExplainAnswer | ExplainAnswers) -> Response:
    return Response(answer.model_dump_json(), media_type=MEDIA_TYPES["json"])
