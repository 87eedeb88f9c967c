"""How true a map is to the model: what the class's probability does as patches go in its order.

Sources: Samek et al., IEEE TNNLS 2017 (most and least relevant first); Petsiuk et al., BMVC 2018
(insertion, deletion); DeYoung et al., ACL 2020 (comprehensiveness, sufficiency).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.classify import probabilities
from service.engine import Arrays, Floats
from service.explanation.passes import Indexes, Pass
from service.explanation.question import RANDOM_ORDERS
from service.explanation.removal import PatchRemover

STRONGEST_SHARE = 0.1  # of the patches, for comprehensiveness and sufficiency
RANDOM_SEED = 0

Probabilities = dict[bytes, Floats]  # of all classes [C], by the patches that were left


@dataclass(frozen=True)
class Curve:
    """The class's probability as patches go in one order, and what it falls by at the ends.

    `probabilities` [P] stand at the shares of patches removed; `without_first` and
    `with_first_alone` are the probabilities when the first 10 % of the order are gone, and alone
    left.
    """

    probabilities: Floats
    area: float
    without_first: float
    with_first_alone: float


@dataclass(frozen=True)
class MapFaithfulness:
    """The curves of one map and of random orders on the same picture, at `removed` [P] shares."""

    removed: Floats
    most_relevant_first: Curve
    least_relevant_first: Curve
    random: tuple[Curve, ...]
    whole: float

    @property
    def delta(self) -> float:
        """The area between the two curves: above 0 is better than chance."""
        return self.least_relevant_first.area - self.most_relevant_first.area

    def comprehensiveness(self, curve: Curve) -> float:
        """Say what the probability falls by without the first 10 % of an order."""
        return self.whole - curve.without_first

    def sufficiency(self, curve: Curve) -> float:
        """Say what it falls by when they alone are left."""
        return self.whole - curve.with_first_alone


def removal_counts(patches: int, steps: int) -> list[int]:
    """Say how many patches are gone at each point of a curve, from none to all."""
    places = np.linspace(0, patches, steps + 1).round()
    return [int(count) for count in np.unique(places)]


def strongest_count(patches: int) -> int:
    """Say how many patches are the strongest 10 %; at least one."""
    return max(1, round(patches * STRONGEST_SHARE))


def order_of(scores: Floats) -> Indexes:
    """Give the patches from the most relevant to the least; equal ones from the top left."""
    return np.argsort(-scores.ravel(), kind="stable")


def both_orders(scores: Floats) -> tuple[Indexes, Indexes]:
    """Give the patches from the most relevant on, and from the least relevant on.

    Equal ones come from the top left in both, so that a constant map has a delta of 0.
    """
    return order_of(scores), order_of(-scores)


def random_orders(patches: int, count: int = RANDOM_ORDERS) -> list[Indexes]:
    """Draw the orders of the control, the same for every picture with as many patches."""
    random = np.random.default_rng(RANDOM_SEED)
    return [random.permutation(patches) for _ in range(count)]


def what_is_left(order: Indexes, steps: int) -> list[Indexes]:
    """List the sets of patches that the curve of an order needs, and the strongest alone."""
    first = strongest_count(len(order))
    counts = sorted({*removal_counts(len(order), steps), first})
    return [*(order[count:] for count in counts), order[:first]]


def measure_orders(
    orders: Sequence[Indexes], remover: PatchRemover, steps: int
) -> Generator[list[Pass], list[Arrays], Probabilities]:
    """Find all classes' probabilities for whatever the orders' curves need, each set once."""
    needed = {
        _key(keep): keep for order in orders for keep in what_is_left(order, steps)
    }  # the whole picture and the empty one are common to all
    in_turn = sorted(needed.values(), key=len)  # passes of one length run together
    results = yield [remover.with_only(keep) for keep in in_turn]
    return {
        _key(keep): probabilities(result["logits"])
        for keep, result in zip(in_turn, results, strict=True)
    }


def curve_of(order: Indexes, target: int, steps: int, found: Probabilities) -> Curve:
    """Read the curve of an order for a class from what was measured."""
    first = strongest_count(len(order))
    counts = removal_counts(len(order), steps)
    points = np.array([found[_key(order[count:])][target] for count in counts], np.float32)
    return Curve(
        probabilities=points,
        area=area_under(points, np.array(counts) / len(order)),
        without_first=float(found[_key(order[first:])][target]),
        with_first_alone=float(found[_key(order[:first])][target]),
    )


def faithfulness_of(
    scores: Floats, target: int, steps: int, controls: Sequence[Indexes], found: Probabilities
) -> MapFaithfulness:
    """Read the faithfulness of a map [rows, columns] for a class from what was measured."""
    order, reverse = both_orders(scores)
    removed = np.array(removal_counts(len(order), steps), np.float32) / np.float32(len(order))
    return MapFaithfulness(
        removed=removed,
        most_relevant_first=curve_of(order, target, steps, found),
        least_relevant_first=curve_of(reverse, target, steps, found),
        random=tuple(curve_of(control, target, steps, found) for control in controls),
        whole=float(found[_key(order)][target]),
    )


def area_under(points: Floats, places: NDArray[np.floating]) -> float:
    """Give the area under a curve by the trapezoidal rule; places span [0, 1]."""
    return float(((points[1:] + points[:-1]) / 2 * np.diff(places)).sum())


def _key(keep: Indexes) -> bytes:
    return np.sort(keep).tobytes()
