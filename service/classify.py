"""From logits to named probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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


def top_predictions(logits: Floats, labels: Sequence[str], top_k: int) -> list[Prediction]:
    """Give the `top_k` most probable classes of logits [C], best first; equal ones by index."""
    shares = probabilities(logits)
    order = np.argsort(-shares, kind="stable")[:top_k]
    return [Prediction(labels[index], int(index), float(shares[index])) for index in order]
