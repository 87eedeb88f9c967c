"""Measures several things in turns, so that a machine that slows down does so for all alike."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from service.benchmarking.sample import Sample
from service.benchmarking.stolen import undisturbed
from service.errors import InferenceFailed

Measure = Callable[[float], Sample]  # from seconds
Progress = Callable[[str], None]
Name = TypeVar("Name", bound=Hashable)
WARM_UP_SECONDS = 0.3


def in_turns(
    measures: dict[Name, Measure],
    rounds: int,
    seconds: float,
    progress: Progress,
    warm_up_seconds: float = WARM_UP_SECONDS,
) -> dict[Name, list[Sample]]:
    """Measure each once a round, in alternating order, after a short warm-up of all.

    Raises InferenceFailed when something has no success.
    """
    progress("warm-up")
    if warm_up_seconds > 0:
        for measure in measures.values():
            measure(warm_up_seconds)
    samples: dict[Name, list[Sample]] = {name: [] for name in measures}
    for turn in range(rounds):
        for name in [*measures][:: -1 if turn % 2 else 1]:
            sample = undisturbed(measures[name], seconds)
            if not sample.latencies_seconds:
                raise InferenceFailed(f"no image was answered in {name}: {sample.errors}")
            samples[name].append(sample)
            progress(f"round {turn + 1} of {rounds}: {name}: {sample.per_second:.0f} images/s")
    return samples
