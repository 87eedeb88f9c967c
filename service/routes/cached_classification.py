"""Classifies pictures through the result cache: what is known is not even decoded."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from service.kept_results import Classification, kept_classification, of_others
from service.result_cache import Made, ResultCache
from service.result_key import ResultKey
from service.routes.cached_results import all_of, ask_cache, content_digests
from service.routes.context import Context
from service.served_model import ServedModel


async def classify_cached(
    cache: ResultCache,
    context: Context,
    model: ServedModel,
    pictures: Sequence[bytes],
    patience_seconds: float,
) -> list[Classification]:
    """Classify encoded pictures as `ServedModel.classify` does, and raise what it raises.

    Those that are not known run side by side, and so in common batches.
    """

    async def classified(picture: bytes, digest: bytes) -> Classification:
        def start() -> Coroutine[Any, Any, Made[Classification]]:
            model.check_room("classify", patience_seconds)  # others may have more patience
            return _classify_one(model, picture)

        key = ResultKey(digest, model.digest, model.precision.name)
        found, outcome, seconds = await ask_cache(cache, key, start, context)
        if outcome == "miss":
            return found
        return of_others(found, waited_seconds=seconds if outcome == "shared" else 0.0)

    digests = await content_digests(pictures, context)
    return await all_of([classified(*one) for one in zip(pictures, digests, strict=True)])


async def _classify_one(model: ServedModel, picture: bytes) -> Made[Classification]:
    with model.held():  # who began may leave before it has ended
        (ran,) = await model.classify([picture])
    return kept_classification(ran)
