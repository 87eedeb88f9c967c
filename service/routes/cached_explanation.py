"""Explains pictures through the result cache; what is drawn of a map is drawn anew each time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from service.decoding import ImageFacts
from service.explanation.inquiry import Explanation
from service.explanation.question import Question
from service.kept_results import Explained, kept_explanation
from service.preprocess import Prepared
from service.result_cache import Made, ResultCache
from service.result_key import ResultKey
from service.routes.cached_results import all_of, ask_cache, content_digests, note_outcome
from service.routes.context import Context
from service.routes.stages import Stopwatch
from service.served_model import ServedModel
from service.stage_times import note_stage

PICTURES_AT_ONCE = 8  # of one request


@dataclass(frozen=True)
class Sought:
    """A picture to explain; where there is a cache, what its answer is found by, or the answer."""

    data: bytes
    key: ResultKey | None = None
    known: Explained | None = None


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


async def find_known(
    cache: ResultCache,
    context: Context,
    model: ServedModel,
    pictures: Sequence[bytes],
    asked: Question,
) -> list[Sought]:
    """Find the answers that are known."""
    sought: list[Sought] = []
    for picture, digest in zip(pictures, await content_digests(pictures, context), strict=True):
        key = ResultKey(digest, model.digest, model.precision.name, asked)
        known = cache.find(key)
        if isinstance(known, Explained):
            note_outcome("hit", context)
            sought.append(Sought(picture, key, known))
        else:
            sought.append(Sought(picture, key))
    return sought


async def explain_cached(
    cache: ResultCache,
    context: Context,
    model: ServedModel,
    pictures: Sequence[Explained | Unexplained],
    explain: Callable[[Prepared], Coroutine[Any, Any, Explanation]],
    watch: Stopwatch,
) -> list[Explanation]:
    """Give the answers about pictures in their order; `explain` computes that about one.

    Thorough ones are computed one after the other, since a request has one place for them. Places
    are the request's: who waits for what another began holds them too, so that there are never
    more under way than places. Raises what `explain` raises.
    """

    async def explained(item: Explained | Unexplained) -> Explanation:
        if isinstance(item, Explained):
            return item.explanation

        async def explain_one() -> Made[Explained]:
            with model.held():  # who began may leave before it has ended
                return kept_explanation(item.image, await explain(item.prepared))

        found, outcome, seconds = await ask_cache(cache, item.key, explain_one, context)
        if outcome == "shared":
            watch.queue += seconds
            note_stage(context.metrics, "queue", seconds)
        return found.explanation

    if any(isinstance(item, Unexplained) and item.is_thorough for item in pictures):
        return [await explained(item) for item in pictures]
    answers: list[Explanation] = []
    for start in range(0, len(pictures), PICTURES_AT_ONCE):
        some = pictures[start : start + PICTURES_AT_ONCE]
        answers += await all_of([explained(item) for item in some])
    return answers
