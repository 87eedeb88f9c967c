"""The best class in an answer, in each of the forms in which servers give it."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any

from service.benchmarking.connection import Address
from service.benchmarking.request import Body
from service.errors import InferenceFailed

TOLERANCE = 1e-3  # of a probability: Pillow, numpy and the graph's optimizer may round differently
ANSWER_SECONDS = 60
TIMES = 8  # asked over connections of their own, so that every worker has its turn


@dataclass(frozen=True)
class Best:
    """The class that a server holds for the most probable."""

    label: str
    probability: float

    def agrees(self, other: Best) -> bool:
        """Whether it is the same class with the same probability, but for rounding."""
        is_near = abs(self.probability - other.probability) <= TOLERANCE
        return self.label == other.label and is_near


def of_predictions(document: Any) -> Best:
    """Read `{"predictions": [{"label": ..., "probability": ...}, ...]}`, the best first."""
    first = document["predictions"][0]
    return Best(first["label"], first["probability"])


def of_list(document: Any) -> Best:
    """Read a list with one such document."""
    return of_predictions(document[0])


def of_open_inference(document: Any) -> Best:
    """Read such a document from the first output of an answer in the Open Inference Protocol."""
    return of_predictions(json.loads(document["outputs"][0]["data"][0]))


def post(address: Address, path: str, body: Body) -> tuple[int, bytes]:
    """Post once, over a connection of its own. Raises OSError where nobody answers."""
    connection = http.client.HTTPConnection(*address, timeout=ANSWER_SECONDS)
    try:
        connection.request("POST", path, body.content, {"Content-Type": body.content_type})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise ConnectionError(f"no HTTP answer: {error!r}") from error
    finally:
        connection.close()


def check(name: str, found: Best, expected: Best) -> None:
    """Raise InferenceFailed where a server does not do the same work."""
    if not found.agrees(expected):
        raise InferenceFailed(
            f"{name} answers {found.label} with {found.probability:.4f}, but the bundle gives "
            f"{expected.label} with {expected.probability:.4f}: they do not do the same work, so "
            "nothing was measured"
        )
