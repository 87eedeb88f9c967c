"""`POST /trace`: the values and parameters on a picture's way through the model."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from service.engine import Arrays
from service.errors import InvalidInput, NotTraceable, VitrineError
from service.explanation.passes import Pass
from service.preprocess import Prepared
from service.problems import TRACE_PROBLEMS, documented
from service.routes.context import Context, InContext
from service.routes.pictures import REQUEST_BODY, read_pictures
from service.routes.stages import (
    Stopwatch,
    answering_model,
    note_runs,
    prepare,
    seconds_left,
    while_connected,
)
from service.schemas import ModelChoice
from service.served_model import Lane, ServedModel
from service.stage_times import TimedStage
from service.trace.collection import collect, facts
from service.trace.message import MEDIA_TYPE, message
from service.trace.question import TraceOptions, TraceQuestion, ask_trace

router = APIRouter(tags=["trace"])
LANE: Lane = "explain"
FORMATS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A safetensors message: tensors by name, and facts in its metadata",
        "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}


class TraceParameters(ModelChoice, TraceOptions):
    """The query of `POST /trace`."""


@router.post(
    "/trace",
    summary="Trace a picture through the model",
    response_class=Response,
    responses={**FORMATS, **documented(TRACE_PROBLEMS)},
    openapi_extra=REQUEST_BODY,
)
async def trace(
    request: Request, context: InContext, parameters: Annotated[TraceParameters, Query()]
) -> Response:
    """Give the tensors asked for, of one picture: its values, and the parameters they are made by.

    They come as one safetensors message, named `logits`, `layers.3.norm1` or
    `layers.3.heads.2.scores`, and always computed in fp32. docs/trace.md describes each.
    """
    watch = Stopwatch.start()
    with answering_model(request, context, LANE, parameters.model, parameters.version) as model:
        asked = question_for(parameters, model, context)
        pictures = await read_pictures(request, context)
        if pictures.is_list:
            raise InvalidInput(
                f"a trace is of one picture, and {len(pictures.data)} came; send one at a time"
            )
        with _place_for(asked, model, seconds_left(request)):
            (prepared,) = await while_connected(
                request, prepare(pictures.data, model, context, watch)
            )
            if isinstance(prepared, VitrineError):
                raise prepared
            walk = _walk(asked, prepared, model, context, watch)
            outputs = await while_connected(request, walk)
            body = await _encoded(asked, prepared, outputs, model, context)
    return Response(body, media_type=MEDIA_TYPE)


def question_for(
    parameters: TraceParameters, model: ServedModel, context: Context
) -> TraceQuestion:
    """Check what is asked against the model. Raises NotTraceable, InvalidParameter."""
    if model.parameters is None:
        raise NotTraceable(model.engine.how_to_trace)
    most = context.settings.max_trace_bytes
    return ask_trace(model.contract, model.parameters, parameters, most)


def _place_for(
    asked: TraceQuestion, model: ServedModel, patience: float
) -> AbstractContextManager[None]:
    """Hold a place among those who explain, unless the model need not run at all."""
    return model.explaining(1, patience_seconds=patience) if asked.outputs else nullcontext()


async def _walk(
    asked: TraceQuestion,
    prepared: Prepared,
    model: ServedModel,
    context: Context,
    watch: Stopwatch,
) -> dict[int, Arrays]:
    """Run the passes one after the other, each for a layer, so that others get their turn."""
    found: dict[int, Arrays] = {}
    for layer, names in asked.outputs.items():
        runs = await model.walk([Pass.trace(prepared.pixel_values, layer, names)], LANE)
        note_runs(runs, LANE, context, watch)
        context.metrics.passes.labels(LANE).inc()
        found[layer] = runs[0].result
    return found


async def _encoded(
    asked: TraceQuestion,
    prepared: Prepared,
    outputs: dict[int, Arrays],
    model: ServedModel,
    context: Context,
) -> bytes:
    def encode() -> bytes:
        assert model.parameters is not None
        bundle, parameters = model.engine.bundle, model.parameters
        tensors = collect(asked, prepared, outputs, parameters, bundle.contract)
        return message(tensors, asked.dtype, facts(asked, prepared.image, bundle, parameters))

    with TimedStage(context.metrics, "encode") as stage:
        body = await context.in_thread(encode)
        stage.sizes["bytes"] = len(body)
    return body
