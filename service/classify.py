"""From logits to ranked probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.engine import Floats


def probabilities(logits: Floats) -> Floats:
    """Give the softmax over the last axis, in float32."""
    # the ufuncs themselves, not the methods around them: behind a run, each call is felt
    shares: Floats = np.exp(logits - np.maximum.reduce(logits, axis=-1, keepdims=True))
    shares /= np.add.reduce(shares, axis=-1, keepdims=True)
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


def rankings(logits: Floats, failed: Sequence[object] = ()) -> list[Ranking]:
    """Rank the classes of logits [B, C]; equally probable ones come by index.

    Where some rows `failed`, numbers that are not finite count as 0: nobody asks for their order.
    """
    if any(failed):
        logits = np.nan_to_num(logits, posinf=0, neginf=0)
    shares = probabilities(logits)
    order = (-shares).argsort(axis=-1, kind="stable")
    return list(map(Ranking, shares, order))
