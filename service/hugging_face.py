"""The image-classification task as the clients of the Hugging Face Hub ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field

from service.base64_text import decode_base64
from service.classify import probabilities
from service.contract import Contract
from service.engine import Floats
from service.json_document import read_document

TOP_K = 5

ScoreFunction = Literal["softmax", "sigmoid", "none"]


class TaskParameters(BaseModel):
    """What is asked besides the picture; null is the default."""

    top_k: Annotated[int, Field(ge=1)] | None = None
    function_to_apply: ScoreFunction | None = None


class TaskDocument(BaseModel):
    """The JSON that carries a picture and parameters."""

    inputs: str
    parameters: TaskParameters | None = None


class ClassScore(BaseModel):
    """A class and its score: its probability, where nothing else was asked for."""

    label: str = Field(examples=["cat"])
    score: float = Field(examples=[0.93])


@dataclass(frozen=True)
class Task:
    """A picture to classify, and how."""

    data: bytes
    top_k: int = TOP_K
    function: ScoreFunction = "softmax"


def read_task(body: bytes, *, is_json: bool) -> Task:
    """Read a task; a body that is not JSON is the picture itself. Raises InvalidInput."""
    if not is_json:
        return Task(body)
    document = read_document(TaskDocument, body)
    asked = document.parameters or TaskParameters()
    return Task(
        decode_base64(document.inputs, "/inputs"),
        asked.top_k or TOP_K,
        asked.function_to_apply or "softmax",
    )


def class_scores(logits: Floats, contract: Contract, task: Task) -> list[ClassScore]:
    """Give the best classes of logits [C], best first."""
    scores = _scores(logits, task.function)
    order = np.argsort(-scores, kind="stable")[: task.top_k]
    return [ClassScore(label=contract.labels[index], score=float(scores[index])) for index in order]


def _scores(logits: Floats, function: ScoreFunction) -> Floats:
    if function == "softmax":
        return probabilities(logits)
    if function == "sigmoid":
        half = np.float32(0.5)
        shares: Floats = half + half * np.tanh(half * logits)  # as exp, but it cannot overflow
        return shares
    return logits
