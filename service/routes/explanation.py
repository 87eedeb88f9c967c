"""Explains the pictures of a request: what every protocol that asks for maps shares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

from fastapi import Request

from service.answers import explain_result
from service.decoding import ImageFacts
from service.drawing.options import Drawing
from service.engine import Arrays
from service.errors import InvalidParameter, NotExplainable, VitrineError
from service.explain_schemas import ExplainMapsResult, ExplainResult
from service.explanation.inquiry import Explanation, Inquiry
from service.explanation.question import ExplainOptions, Question, ask
from service.kept_results import Explained
from service.preprocess import Prepared
from service.result_key import ResultKey
from service.routes.cached_explanation import (
    PICTURES_AT_ONCE,
    Sought,
    Unexplained,
    explain_cached,
    find_known,
)
from service.routes.context import Context
from service.routes.stages import (
    Stopwatch,
    failed,
    note_runs,
    prepare,
    while_connected,
)
from service.schemas import FailedResult
from service.served_model import Lane, ServedModel

Subject = Prepared | Explained | Unexplained  # of an answer; the last two where there is a cache


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


def question_for(options: ExplainOptions, model: ServedModel) -> Question:
    """Check what is asked against the model. Raises NotExplainable, InvalidParameter."""
    if not model.engine.is_explainable:
        raise NotExplainable(model.engine.how_to_explain)
    return ask(model.contract, options)


def check_work(asked: Question, pictures: int, model: ServedModel, context: Context) -> None:
    """Raise InvalidParameter where this takes more passes than one request may."""
    passes = pictures * asked.passes(model.contract.architecture.patches)
    if passes > context.settings.max_request_passes:
        raise InvalidParameter(
            f"this takes up to {passes:,} passes, more than {context.settings.max_request_passes:,}"
            "; send fewer pictures, targets or steps, or choose a method that takes one pass"
        )


async def sought_pictures(
    context: Context, model: ServedModel, data: Sequence[bytes], asked: Question
) -> list[Sought]:
    """Say of each picture whether the answer is known; none is without a cache."""
    if context.results is None:
        return [Sought(one) for one in data]
    return await find_known(context.results, context, model, data, asked)


def places_for(
    sought: Sequence[Sought], asked: Question, model: ServedModel, patience: float
) -> AbstractContextManager[None]:
    """Hold places for the pictures whose answer is not known.

    Raises what `ServedModel.explaining` raises, and nothing where all are known.
    """
    unknown = sum(one.known is None for one in sought)
    return model.explaining(unknown, asked.is_thorough, patience) if unknown else nullcontext()


async def prepare_subjects(
    request: Request,
    sought: Sequence[Sought],
    context: Context,
    model: ServedModel,
    watch: Stopwatch,
) -> list[Subject | VitrineError]:
    """Decode the pictures whose answer is not known; a bad one gives its error.

    Raises CallerGone.
    """
    prepared: list[Prepared | VitrineError] = []
    if unknown := [one.data for one in sought if one.known is None]:
        prepared = await while_connected(request, prepare(unknown, model, context, watch))
    in_order = iter(prepared)
    return [one.known or _subject(one.key, next(in_order)) for one in sought]


def _subject(key: ResultKey | None, item: Prepared | VitrineError) -> Subject | VitrineError:
    return item if key is None or isinstance(item, VitrineError) else Unexplained(key, item)


async def _explain(
    readable: Sequence[Prepared],
    asked: Question,
    model: ServedModel,
    context: Context,
    watch: Stopwatch,
) -> list[Explanation]:
    """Answer the same question about every picture, a few at a time: attention can be large."""
    explained: list[Explanation] = []
    for start in range(0, len(readable), PICTURES_AT_ONCE):
        some = readable[start : start + PICTURES_AT_ONCE]
        explained += await _explain_together(some, asked, model, context, watch)
    return explained


async def _explain_together(
    readable: Sequence[Prepared],
    asked: Question,
    model: ServedModel,
    context: Context,
    watch: Stopwatch,
) -> list[Explanation]:
    inquiries = [Inquiry(item.pixel_values, asked, model.contract) for item in readable]
    await _answer_in_step(inquiries, asked, model, context, watch)
    return [inquiry.answer for inquiry in inquiries if inquiry.answer]


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


async def _explain_subjects(
    subjects: Sequence[Subject],
    asked: Question,
    model: ServedModel,
    context: Context,
    watch: Stopwatch,
) -> list[Explanation]:
    if context.results is None:
        readable = [item for item in subjects if isinstance(item, Prepared)]
        return await _explain(readable, asked, model, context, watch)

    async def explain_one(item: Prepared) -> Explanation:
        (explanation,) = await _explain_together([item], asked, model, context, watch)
        return explanation

    found = [item for item in subjects if not isinstance(item, Prepared)]
    return await explain_cached(context.results, context, model, found, explain_one, watch)


def _outcomes(
    data: Sequence[bytes],
    subjects: Sequence[Subject | VitrineError],
    explained: Sequence[Explanation],
) -> list[Outcome]:
    in_order = iter(explained)
    return [
        Outcome(encoded, None, item)
        if isinstance(item, VitrineError)
        else Outcome(encoded, item.image, next(in_order))
        for encoded, item in zip(data, subjects, strict=True)
    ]


async def explain_subjects(
    request: Request,
    context: Context,
    model: ServedModel,
    data: Sequence[bytes],
    subjects: Sequence[Subject | VitrineError],
    asked: Question,
    watch: Stopwatch,
) -> list[Outcome]:
    """Answer the same question about every picture that could be read; `data` are all of them.

    Raises Overloaded, ModelNotReady, InferenceFailed and CallerGone, which concern them all.
    """
    readable = [item for item in subjects if not isinstance(item, VitrineError)]
    work = _explain_subjects(readable, asked, model, context, watch)
    explained = await while_connected(request, work)
    context.metrics.explanations.labels(
        model.contract.name, asked.method, str(asked.faithfulness).lower()
    ).inc(len(explained))
    return _outcomes(data, subjects, explained)


def result_of(
    outcome: Outcome,
    asked: Question,
    drawing: Drawing,
    model: ServedModel,
    request: Request,
) -> ExplainResult | ExplainMapsResult | FailedResult:
    """Describe a picture's maps, or what was wrong with it."""
    if isinstance(outcome.found, VitrineError):
        return failed(outcome.found, request)
    assert outcome.image is not None
    return explain_result(outcome.image, outcome.found, asked, drawing, model.contract)
