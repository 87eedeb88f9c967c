"""Classifies the pictures of a request: what every protocol that asks for classes shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request

from service.classify import probabilities
from service.engine import Floats
from service.errors import VitrineError
from service.exchange import note_model
from service.preprocess import ImageFacts
from service.routes.context import Context
from service.routes.stages import Prepared, Stopwatch, note_runs, prepare, while_connected
from service.served_model import Classified, ServedModel


@dataclass(frozen=True)
class ClassifiedPicture:
    """What the model gave for one picture."""

    image: ImageFacts
    logits: Floats
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
    note_model(model.contract.name, model.contract.version)
    prepared = await prepare(data, model.contract.preprocessing, context, watch)
    readable = [item for item in prepared if isinstance(item, Prepared)]
    pixel_values = [item.pixel_values for item in readable]
    classified = await classify_pixel_values(request, context, model, pixel_values, watch)
    in_order = iter(classified)
    results: list[ClassifiedPicture | VitrineError] = []
    for item in prepared:
        if isinstance(item, VitrineError):
            results.append(item)
            continue
        given = next(in_order)
        results.append(ClassifiedPicture(item.image, given.logits, given.readout))
    return results


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
    runs = await while_connected(request, model.classify(images))
    note_runs(runs, "inference", context, watch)
    for run in runs:
        label = model.contract.labels[int(run.result.logits.argmax())]
        context.metrics.predicted.labels(model.contract.name, label).inc()
        confidence = float(probabilities(run.result.logits).max())
        context.metrics.confidence.labels(model.contract.name).observe(confidence)
    return [run.result for run in runs]
