"""Explains pictures through the result cache; what is drawn of a map is drawn anew each time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from service.errors import VitrineError
from service.exchange import note_stage
from service.explanation.inquiry import Explanation
from service.explanation.question import Question
from service.kept_results import Explained, kept_explanation
from service.preprocess import ImageFacts, Prepared
from service.result_cache import Made, ResultCache
from service.result_key import ResultKey
from service.routes.cached_results import all_of, ask_cache, content_digests, note_outcome
from service.routes.context import Context
from service.routes.stages import Stopwatch, prepare
from service.served_model import ServedModel

PICTURES_AT_ONCE = 8  # of one request


@dataclass(frozen=True)
class Unexplained:
    """A picture that is ready for the engine, since nothing was known of it."""

    key: ResultKey
    prepared: Prepared

    @property
    def image(self) -> ImageFacts:
        """What is told of the picture."""
        return self.prepared.image

    @property
    def is_thorough(self) -> bool:
        """Whether its answer takes many passes."""
        return self.key.question is not None and self.key.question.is_thorough


async def find_or_prepare(
    cache: ResultCache,
    context: Context,
    model: ServedModel,
    pictures: Sequence[bytes],
    asked: Question,
    patience_seconds: float,
    watch: Stopwatch,
) -> list[Explained | Unexplained | VitrineError]:
    """Find the pictures whose answer is known, and decode the others; a bad one gives its error.

    Raises what `ServedModel.check_room` raises.
    """
    digests = await content_digests(pictures, context)
    keys = [ResultKey(digest, model.digest, asked) for digest in digests]
    found = [cache.find(key) for key in keys]
    known = [one if isinstance(one, Explained) else None for one in found]
    unknown = [picture for picture, one in zip(pictures, known, strict=True) if one is None]
    for _ in range(len(known) - len(unknown)):
        note_outcome("hit", context)
    prepared: list[Prepared | VitrineError] = []
    if unknown:
        model.check_room("explain", patience_seconds)
        prepared = await prepare(unknown, model, context, watch)
    in_order = iter(prepared)
    return [
        _unexplained(key, next(in_order)) if one is None else one
        for key, one in zip(keys, known, strict=True)
    ]


def _unexplained(key: ResultKey, item: Prepared | VitrineError) -> Unexplained | VitrineError:
    return Unexplained(key, item) if isinstance(item, Prepared) else item


async def explain_cached(
    cache: ResultCache,
    context: Context,
    model: ServedModel,
    pictures: Sequence[Explained | Unexplained],
    explain: Callable[[Prepared], Coroutine[Any, Any, Explanation]],
    watch: Stopwatch,
) -> list[Explanation]:
    """Give the answers about pictures in their order; `explain` computes that about one.

    Thorough ones are computed one after the other, since a request has one place for them. The
    place is the request's: who waits for what another began holds one too, so that there are never
    more under way than places. Raises what `ServedModel.study` and `explain` raise.
    """

    async def explained(item: Explained | Unexplained) -> Explanation:
        if isinstance(item, Explained):
            return item.explanation

        async def explain_one() -> Made[Explained]:
            with model.held(), model.explaining(1):  # who began may leave before it has ended
                return kept_explanation(item.image, await explain(item.prepared))

        found, outcome, seconds = await ask_cache(cache, item.key, explain_one, context)
        if outcome == "shared":
            watch.queue += seconds
            note_stage(context.metrics, "queue", seconds)
        return found.explanation

    unexplained = [item for item in pictures if isinstance(item, Unexplained)]
    if any(item.is_thorough for item in unexplained):
        with model.study():
            return [await explained(item) for item in pictures]
    answers: list[Explanation] = []
    for start in range(0, len(pictures), PICTURES_AT_ONCE):
        some = pictures[start : start + PICTURES_AT_ONCE]
        answers += await all_of([explained(item) for item in some])
    return answers
