"""The outputs that a model gives, and which of them a request asks for."""

from __future__ import annotations

from collections.abc import Sequence
from reprlib import repr as shorten

import numpy as np

from service.classify import probabilities
from service.engine import Floats
from service.errors import ErrorDetail, InvalidInput
from service.open_inference.request import InferRequest, RequestedOutput
from service.open_inference.tensor import OutputTensor

OUTPUTS = ("logits", "probabilities", "readout", "labels")
CLASSIFIED = ("logits", "probabilities")  # which name classes where `classification` asks for it


def requested_outputs(request: InferRequest) -> tuple[RequestedOutput, ...]:
    """Give what is to be answered, all where nothing is named. Raises InvalidInput."""
    for index, output in enumerate(request.outputs):
        if output.name not in OUTPUTS:
            raise _refusal(index, f"output {shorten(output.name)} does not exist", OUTPUTS)
        if output.classes and output.name not in CLASSIFIED:
            raise _refusal(index, f"output {output.name} has no classification", CLASSIFIED)
    names = [output.name for output in request.outputs]
    if len(set(names)) < len(names):
        raise _refusal(0, "an output is asked for twice; name each once", OUTPUTS)
    return request.outputs or tuple(RequestedOutput(name, request.is_binary) for name in OUTPUTS)


def _refusal(index: int, what: str, names: Sequence[str]) -> InvalidInput:
    detail = f"{what}; there are {', '.join(names)}"
    return InvalidInput(detail, [ErrorDetail(f"/outputs/{index}", detail)])


def output_tensor(
    asked: RequestedOutput, logits: Floats, readout: Floats, labels: Sequence[str]
) -> OutputTensor:
    """Make an output from logits [B, C] and readout [B, d]; `labels` names the best class first."""
    if asked.name == "readout":
        return OutputTensor(asked.name, readout)
    values = logits if asked.name == "logits" else probabilities(logits)
    order = np.argsort(-values, axis=-1, kind="stable")
    if asked.name == "labels":
        return OutputTensor(asked.name, [[labels[index] for index in row] for row in order])
    if not asked.classes:
        return OutputTensor(asked.name, values)
    named = [
        [f"{row[index]:f}:{index}:{labels[index]}" for index in best[: asked.classes]]
        for row, best in zip(values, order, strict=True)
    ]
    return OutputTensor(asked.name, named)
