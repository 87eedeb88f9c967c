"""Labelled pictures of one part of a data set, prepared and classified as the service does it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from model.side_by_side import side_by_side
from model.sources import DataError, Picture, Source, read_source
from service.budget import cpu_budget
from service.bundle import Bundle
from service.contract import Preprocessing
from service.engine import Engine, Floats
from service.errors import VitrineError
from service.preprocess import fit, pixel_values

logger = logging.getLogger(__name__)

BATCH = 64
MAX_STREAMED_BYTES = 4 * 1024**3

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Classified:
    """Logits [n, C] of each engine for the same pictures, and their true classes [n]."""

    logits: tuple[Floats, ...]
    targets: NDArray[np.int64]
    broken: int


def labelled_pictures(bundle: Bundle, sources: Sequence[str], part: str) -> list[Picture]:
    """Find the pictures of a part. Raises DataError when it is empty or has other classes."""
    merged = Source()
    for name in sources:
        merged.merge(read_source(name, MAX_STREAMED_BYTES))
    pictures = merged.pictures[part]
    if not pictures:
        raise DataError(
            f"{', '.join(sources)} has no pictures in {part}; put them into {part}/<class>/"
        )
    unknown = sorted(merged.classes[part] - set(bundle.contract.labels))
    if unknown:
        raise DataError(
            f"{', '.join(unknown)} in {part} is no label of {bundle.contract.name}; "
            f"its labels are {', '.join(bundle.contract.labels)}"
        )
    return pictures


def classify_pictures(
    engines: Sequence[Engine],
    pictures: Sequence[Picture],
    part: str,
    progress: Progress = lambda done, total: None,
    workers: int = 0,
) -> Classified:
    """Classify every picture with each engine of one bundle; broken ones are left out and counted.

    `workers` threads take a batch each, decode it and run it on one core; 0 takes all cores. What
    comes out, and its order, does not depend on their number. Raises DataError when every picture
    is broken, and InferenceFailed.
    """
    batches = [pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)]
    logits: list[list[Floats]] = [[] for _ in engines]
    targets: list[int] = []
    done = 0
    classified = partial(_classified, engines)
    with side_by_side(classified, batches, workers or cpu_budget().cpus) as answers:
        for batch, (found, numbers) in zip(batches, answers, strict=True):
            if numbers:
                for of_engine, of_batch in zip(logits, found, strict=True):
                    of_engine.append(of_batch)
            targets.extend(numbers)
            done += len(batch)
            progress(done, len(pictures))
    if not targets:
        raise DataError(f"every picture of {part} is broken; give others")
    return Classified(
        tuple(np.concatenate(found) for found in logits),
        np.array(targets),
        len(pictures) - len(targets),
    )


def _classified(
    engines: Sequence[Engine], batch: Sequence[Picture]
) -> tuple[list[Floats], list[int]]:
    """Give the good pictures' logits by each engine, and their class numbers; none for none."""
    contract = engines[0].bundle.contract
    read = [(picture, _pixels(picture, contract.preprocessing)) for picture in batch]
    good = [(picture, values) for picture, values in read if values is not None]
    if not good:
        return [], []
    inputs = np.stack([values for _, values in good])
    numbers = [contract.labels.index(picture.label) for picture, _ in good]
    return [engine.classify(inputs, threads=1).logits for engine in engines], numbers


def _pixels(picture: Picture, preprocessing: Preprocessing) -> Floats | None:
    try:
        return pixel_values(fit(picture.decode(preprocessing.size), preprocessing), preprocessing)
    except (VitrineError, OSError) as error:
        logger.warning("left out %s: %s", picture.name, error)
        return None
