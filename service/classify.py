"""From logits to ranked probabilities."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.engine import Floats


def probabilities(logits: Floats) -> Floats:
    """Give the softmax over the last axis, in float32."""
    shares: Floats = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    return shares


class Ranking(NamedTuple):
    """Probabilities [C], and the classes' indexes [C] from the most to the least probable."""

    probabilities: Floats
    order: NDArray[np.int64]

    @property
    def best(self) -> int:
        """The index of the most probable class."""
        return int(self.order[0])

    def top(self, count: int) -> list[tuple[int, float]]:
        """Give the index and probability of the `count` most probable classes, best first."""
        order = self.order[:count]
        return list(zip(order.tolist(), self.probabilities[order].tolist(), strict=True))


def rankings(logits: Floats) -> list[Ranking]:
    """Rank the classes of logits [B, C]; equally probable ones come by index."""
    with np.errstate(invalid="ignore"):  # rows that are not finite are refused by who knows of them
        shares = probabilities(logits)
    order = np.argsort(-shares, axis=-1, kind="stable")
    return [Ranking(*rows) for rows in zip(shares, order, strict=True)]
