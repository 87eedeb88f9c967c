"""Classifies the pictures of a request: what every protocol that asks for classes shares."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from fastapi import Request

from service.batching import Ran
from service.classify import Ranking
from service.decoding import ImageFacts
from service.engine import Floats
from service.errors import VitrineError
from service.image_runner import Classified
from service.routes.cached_classification import classify_cached
from service.routes.context import Context
from service.routes.stages import Stopwatch, seconds_left, while_connected
from service.served_model import ServedModel
from service.stage_times import note_stage

# from the seconds that the answer may take
Classify = Callable[[float], Coroutine[Any, Any, list[Ran[Classified | VitrineError]]]]


class ClassifiedPicture(NamedTuple):
    """What the model gave for one picture."""

    image: ImageFacts
    logits: Floats
    ranking: Ranking
    readout: Floats


async def classify_pictures(
    request: Request,
    context: Context,
    model: ServedModel,
    data: Sequence[bytes],
    watch: Stopwatch,
) -> list[ClassifiedPicture | VitrineError]:
    """Decode encoded pictures and classify them together; a bad one gives its error in its place.

    Raises Overloaded, ModelNotReady, InferenceFailed and CallerGone, which concern them all.
    """
    classify: Classify = partial(model.classify, data)
    if context.results is not None:
        classify = partial(classify_cached, context.results, context, model, data)
    found = await _classify(request, context, model, classify, data, watch)
    return [item if isinstance(item, VitrineError) else _picture(item) for item in found]


async def classify_pixel_values(
    request: Request,
    context: Context,
    model: ServedModel,
    images: Sequence[Floats],
    watch: Stopwatch,
) -> list[Classified]:
    """Classify images that are prepared, pixel values [3, rows, columns] each, together.

    Raises Overloaded, ModelNotReady, InferenceFailed and CallerGone.
    """
    classified: list[Classified] = []
    classify: Classify = partial(model.classify, images)
    for item in await _classify(request, context, model, classify, (), watch):
        if isinstance(item, VitrineError):
            raise item
        classified.append(item)
    return classified


async def _classify(
    request: Request,
    context: Context,
    model: ServedModel,
    classify: Classify,
    encoded: Sequence[bytes],
    watch: Stopwatch,
) -> list[Classified | VitrineError]:
    runs = await while_connected(request, classify(seconds_left(request)))
    found = [run.result for run in runs]
    _note(runs, {"images": len(encoded), "bytes": sum(map(len, encoded))}, context, watch)
    contract = model.contract
    for item in found:
        if isinstance(item, Classified):
            best = item.ranking.best
            confidence = float(item.ranking.probabilities[best])
            context.metrics.note_prediction(contract.name, contract.labels[best], confidence)
    return found


def _note(
    runs: Sequence[Ran[Classified | VitrineError]],
    sizes: Mapping[str, int],
    context: Context,
    watch: Stopwatch,
) -> None:
    """Take down the longest that an image was decoded and run, and that the first of them waited.

    What is neither decoding nor the run, such as the decoding of others in a batch, is waiting.
    What was known took no time and counts nowhere, and what ran for another request counts there.
    """
    good, decode, inference, whole = 0, 0.0, 0.0, 0.0
    for run in runs:
        found, seconds = run.result, run.queue_seconds + run.run_seconds
        if isinstance(found, Classified) and seconds:
            good += 1
            decode = max(decode, found.decode_seconds)
            inference = max(inference, found.inference_seconds)
            whole = max(whole, seconds)
    if not good:
        if bad := [run.run_seconds for run in runs if isinstance(run.result, VitrineError)]:
            note_stage(context.metrics, "decode", max(bad), sizes=sizes)
        return
    watch.decode, watch.inference = decode, inference
    watch.queue = max(0.0, whole - decode - inference)
    ended, items = time.perf_counter(), {"items": good}
    before_run = ended - inference
    if inference:
        before_wait = before_run - watch.queue
        note_stage(context.metrics, "decode", decode, ended=before_wait, sizes=sizes)
    note_stage(context.metrics, "queue", watch.queue, ended=before_run, sizes=items)
    if inference:
        note_stage(context.metrics, "inference", inference, ended=ended, sizes=items)


def _picture(found: Classified) -> ClassifiedPicture:
    assert found.image is not None  # a picture was decoded
    return ClassifiedPicture(found.image, found.logits, found.ranking, found.readout)
