"""Chooses the number format that a model classifies in: as asked, or the faster one, measured here.

int8 is a promise of speed that some CPUs do not keep, so `auto` measures on the very machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Literal, assert_never

import numpy as np

from service.engine import Engine
from service.errors import ProviderError
from service.record import PrecisionName
from service.session import PROVIDER_NAMES

PrecisionSetting = Literal["auto", "fp32", "int8", "fp16"]
ChosenBy = Literal["setting", "measurement", "no other"]
OpenEngine = Callable[[PrecisionName], Engine]

ROUNDS = 5
MEASURING_SECONDS = 0.25  # a part of the second in which the service is ready
WORTHWHILE = 1.05  # a smaller gain is noise, and not worth numbers of fewer bits
PROVIDER_OF: dict[PrecisionName, str] = {"int8": "cpu", "fp16": "cuda"}
REASON: dict[PrecisionName, str] = {
    "int8": "onnxruntime's integer products run on the CPU alone",
    "fp16": "a CPU has no arithmetic of 16 bits, and converts at every step",
}


@dataclass(frozen=True)
class PrecisionChoice:
    """A number format, what chose it, and how many times as fast as fp32 its rival was measured."""

    name: PrecisionName
    chosen_by: ChosenBy = "setting"
    speedup: float | None = None

    def __str__(self) -> str:
        match self.chosen_by:
            case "setting":
                return f"{self.name} as asked"
            case "no other":
                return f"auto takes {self.name}, as there is no other for this device"
            case "measurement":
                return f"auto takes {self.name}: fewer bits run {self.speedup:.2f} times as fast"
            case _:
                assert_never(self.chosen_by)


def choose_precision(
    asked: PrecisionSetting, open_engine: OpenEngine, max_batch_size: int
) -> tuple[Engine, PrecisionChoice]:
    """Open the engine in the number format asked for; `auto` in the faster of those there are.

    Raises ContractError when the bundle has none in that format, ProviderError when the device is
    not the one that it is for.
    """
    if asked != "auto":
        engine = open_engine(asked)
        _check_provider(engine)
        return engine, PrecisionChoice(asked)
    exact = open_engine("fp32")
    rival_name = _rival(exact)
    if rival_name is None:
        return exact, PrecisionChoice("fp32", "no other")
    rival = open_engine(rival_name)
    speedup = round(measure_speedup(exact, rival, max_batch_size), 2)
    chosen = rival if speedup >= WORTHWHILE else exact
    return chosen, PrecisionChoice(chosen.precision, "measurement", speedup)


def measure_speedup(exact: Engine, rival: Engine, max_batch_size: int) -> float:
    """Say how many times as fast `rival` runs: the median of single runs in turns.

    One image on all threads and a full batch on one alternate, as the service runs them; a large
    model is measured on few runs, so that it takes little longer than `MEASURING_SECONDS`.
    """
    sizes = sorted({1, max_batch_size})
    ratios: list[float] = []
    warm: set[int] = set()
    started = time.perf_counter()
    for _ in range(ROUNDS):
        for size in sizes:
            if ratios and time.perf_counter() - started > MEASURING_SECONDS:
                return median(ratios)
            if size not in warm:
                for engine in (exact, rival):
                    _seconds(engine, size)
                warm.add(size)
            ratios.append(_seconds(exact, size) / _seconds(rival, size))
    return median(ratios)


def _seconds(engine: Engine, size: int) -> float:
    images = np.zeros((size, *engine.image_shape), np.float32)
    started = time.perf_counter()
    engine.classify(images, threads=None if size == 1 else 1)
    return time.perf_counter() - started


def _rival(exact: Engine) -> PrecisionName | None:
    """Name the other format that the bundle has for the device that computes."""
    for name, provider in PROVIDER_OF.items():
        if exact.provider == PROVIDER_NAMES[provider] and name in exact.bundle.contract.precisions:
            return name
    return None


def _check_provider(engine: Engine) -> None:
    wanted = PROVIDER_OF.get(engine.precision)
    if wanted is not None and engine.provider != PROVIDER_NAMES[wanted]:
        raise ProviderError(
            f"precision {engine.precision} is for the provider {wanted}, but {engine.provider} "
            f"computes: {REASON[engine.precision]}; take precision fp32 or auto"
        )
