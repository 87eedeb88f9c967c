"""What the cache keeps of a result: copies, and the bytes that they take in memory.

A result's arrays are parts of a whole batch's; kept as they are, they would keep all of it. Since
several answers are made of one copy, nobody can write into it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from service.batching import Ran
from service.classify import Ranking
from service.decoding import ImageFacts
from service.engine import Floats
from service.errors import VitrineError
from service.explanation.faithfulness import Curve, MapFaithfulness
from service.explanation.inquiry import Explanation, Map
from service.image_runner import Classified
from service.result_cache import Made

Classification = Ran[Classified | VitrineError]

# What Python's objects take beside the numbers, measured with tracemalloc and rounded up.
CLASSIFICATION_BYTES = 2048
EXPLANATION_BYTES = 2048
MAP_BYTES = 512
CURVE_BYTES = 512


@dataclass(frozen=True)
class Explained:
    """The facts of a picture and its maps."""

    image: ImageFacts
    explanation: Explanation


def kept_classification(ran: Classification) -> Made[Classification]:
    """Give a classification as it is kept; a bad picture is not."""
    found = ran.result
    if isinstance(found, VitrineError):
        return Made(ran, None)
    shares, order = _copied(found.ranking.probabilities), found.ranking.order.copy()
    order.flags.writeable = False
    logits, readout = _copied(found.logits), _copied(found.readout)
    kept = found._replace(logits=logits, ranking=Ranking(shares, order), readout=readout)
    numbers: tuple[NDArray[Any], ...] = (logits, shares, order, readout)
    size_bytes = CLASSIFICATION_BYTES + sum(array.nbytes for array in numbers)
    return Made(ran._replace(result=kept), size_bytes)


def of_others(ran: Classification, waited_seconds: float) -> Classification:
    """Give a classification that was computed for somebody else: here it was only waited for."""
    found = ran.result
    if isinstance(found, Classified):
        found = found._replace(decode_seconds=0.0, inference_seconds=0.0)
    return Ran(found, waited_seconds, 0.0)


def kept_explanation(image: ImageFacts, found: Explanation) -> Made[Explained]:
    """Give a picture's maps as they are kept."""
    maps = tuple(replace(one, scores=_copied(one.scores)) for one in found.maps)
    kept = Explanation(_copied(found.logits), maps)
    size_bytes = EXPLANATION_BYTES + kept.logits.nbytes + sum(map(_map_bytes, maps))
    return Made(Explained(image, kept), size_bytes)


def _copied(array: Floats) -> Floats:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def _map_bytes(one: Map) -> int:
    curves = _curves_bytes(one.faithfulness) if one.faithfulness else 0
    return MAP_BYTES + one.scores.nbytes + curves


def _curves_bytes(found: MapFaithfulness) -> int:
    curves = (found.most_relevant_first, found.least_relevant_first, *found.random)
    return MAP_BYTES + found.removed.nbytes + sum(map(_curve_bytes, curves))


def _curve_bytes(curve: Curve) -> int:
    return CURVE_BYTES + curve.probabilities.nbytes
