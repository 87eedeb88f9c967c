"""From logits to named probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.engine import Floats


@dataclass(frozen=True)
class Prediction:
    """A class and its probability, in [0, 1]."""

    label: str
    index: int
    probability: float


def probabilities(logits: Floats) -> Floats:
    """Give the softmax over the last axis, in float32."""
    shares: Floats = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    return shares


@dataclass(frozen=True)
class Ranking:
    """Probabilities [C], and the classes' indexes [C] from the most to the least probable."""

    probabilities: Floats
    order: NDArray[np.int64]

    @property
    def best(self) -> int:
        """The index of the most probable class."""
        return int(self.order[0])

    def top(self, labels: Sequence[str], top_k: int) -> list[Prediction]:
        """Name the `top_k` most probable classes, best first."""
        order = self.order[:top_k]
        best = zip(order.tolist(), self.probabilities[order].tolist(), strict=True)
        return [Prediction(labels[index], index, probability) for index, probability in best]


def rankings(logits: Floats) -> list[Ranking]:
    """Rank the classes of logits [B, C]; equally probable ones come by index."""
    with np.errstate(invalid="ignore"):  # rows that are not finite are refused by who knows of them
        shares = probabilities(logits)
    order = np.argsort(-shares, axis=-1, kind="stable")
    return [Ranking(*rows) for rows in zip(shares, order, strict=True)]


def top_predictions(logits: Floats, labels: Sequence[str], top_k: int) -> list[Prediction]:
    """Give the `top_k` most probable classes of logits [C], best first; equal ones by index."""
    return rankings(logits[None])[0].top(labels, top_k)
