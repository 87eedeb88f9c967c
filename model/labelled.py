"""Labelled pictures of one part of a data set, prepared and classified as the service does it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

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
) -> Classified:
    """Classify every picture with each engine of one bundle; broken ones are left out and counted.

    Raises DataError when every picture is broken.
    """
    contract = engines[0].bundle.contract
    prepare = partial(_pixels, preprocessing=contract.preprocessing)
    logits: list[list[Floats]] = [[] for _ in engines]
    targets: list[int] = []
    with ThreadPoolExecutor(cpu_budget().cpus) as threads:
        for start in range(0, len(pictures), BATCH):
            chosen = pictures[start : start + BATCH]
            read = list(zip(chosen, threads.map(prepare, chosen), strict=True))
            good = [(picture, pixels) for picture, pixels in read if pixels is not None]
            if good:
                batch = np.stack([pixels for _, pixels in good])
                for engine, found in zip(engines, logits, strict=True):
                    found.append(engine.classify(batch).logits)
                targets.extend(contract.labels.index(picture.label) for picture, _ in good)
            progress(start + len(chosen), len(pictures))
    if not targets:
        raise DataError(f"every picture of {part} is broken; give others")
    return Classified(
        tuple(np.concatenate(found) for found in logits),
        np.array(targets),
        len(pictures) - len(targets),
    )


def _pixels(picture: Picture, preprocessing: Preprocessing) -> Floats | None:
    try:
        return pixel_values(fit(picture.decode(preprocessing.size), preprocessing), preprocessing)
    except (VitrineError, OSError) as error:
        logger.warning("left out %s: %s", picture.name, error)
        return None
