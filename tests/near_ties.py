"""Labelled pictures that a model is sure about, or torn between two classes about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from service.bundle import read_bundle
from service.decoding import ImageLimits
from service.engine import Engine
from service.preprocess import preprocess
from tests.service.pictures import encode

SIDE = 32
LEVELS = 255


class Oracle:
    """Says what fp32 predicts for levels [rows, columns, 3] between 0 and 255."""

    def __init__(self, folder: Path) -> None:
        self._engine = Engine(read_bundle(folder), threads=1)
        self._contract = self._engine.bundle.contract

    def logits(self, levels: np.ndarray) -> np.ndarray:
        data = encode(Image.fromarray(levels.round().astype(np.uint8)))
        pixels = preprocess(data, self._contract.preprocessing, ImageLimits())[1]
        return self._engine.classify(pixels[None]).logits[0]

    def label(self, levels: np.ndarray) -> str:
        return self._contract.labels[self.logits(levels).argmax()]


def noise(seed: int) -> np.ndarray:
    """Draw large blocks of random colours."""
    blocks = np.random.default_rng(seed).integers(0, LEVELS, (4, 4, 3))
    return blocks.repeat(SIDE // 4, 0).repeat(SIDE // 4, 1).astype(float)


def write_sure(folder: Path, data: Path, count: int) -> Path:
    """Write test pictures whose best class leads clearly, labelled as fp32 predicts."""
    oracle, written = Oracle(folder), 0
    for seed in range(50 * count):
        levels = noise(seed)
        second, first = np.sort(oracle.logits(levels))[-2:]
        if first - second > 0.5:
            _save(levels, oracle.label(levels), data, written)
            written += 1
        if written == count:
            return data
    raise AssertionError(f"only {written} of {count} pictures are sure")


def write_torn(folder: Path, data: Path, count: int) -> Path:
    """Write test pictures on the border between two classes, labelled as fp32 predicts."""
    oracle, written, seed = Oracle(folder), 0, 0
    while written < count:
        one, other = noise(seed), noise(seed + 1)
        seed += 2
        label = oracle.label(one)
        if oracle.label(other) == label:
            continue
        low, high = 0.0, 1.0
        while high - low > 1 / LEVELS:
            middle = (low + high) / 2
            same = oracle.label(one + middle * (other - one)) == label
            low, high = (middle, high) if same else (low, middle)
        levels = one + low * (other - one)
        _save(levels, oracle.label(levels), data, written)
        written += 1
    return data


def _save(levels: np.ndarray, label: str, data: Path, number: int) -> None:
    place = data / "test" / label / f"{number}.png"
    place.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(levels.round().astype(np.uint8)).save(place)
