"""Collects the tensors of a trace from the picture, the graph's outputs and the parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from service.bundle import Bundle
from service.classify import probabilities
from service.contract import Contract
from service.crop import crop_box
from service.decoding import ImageFacts
from service.engine import Arrays, Floats
from service.preprocess import Prepared, levels_of
from service.trace.parameters import Parameters
from service.trace.question import Entry, TraceQuestion
from service.trace.tensors import JOINT_PARTS


def collect(
    asked: TraceQuestion,
    prepared: Prepared,
    outputs: Mapping[int, Arrays],
    parameters: Parameters,
    contract: Contract,
) -> dict[str, NDArray[Any]]:
    """Give the tensors asked for by their names; `outputs` are those of the passes, by layer."""

    def tensor(entry: Entry) -> NDArray[Any]:
        if entry.tensor.source == "weights":
            return _parameter(entry, asked, parameters, contract.architecture.heads)
        if entry.tensor.source == "picture":
            values = prepared.pixel_values
            return levels_of(values, contract.preprocessing) if entry.name == "pixels" else values
        return _value(entry, outputs)

    return {entry.name: tensor(entry) for entry in asked.entries}


def _value(entry: Entry, outputs: Mapping[int, Arrays]) -> Floats:
    """Take what the graph gave: what is of no layer, the first pass has."""
    found = outputs[min(outputs) if entry.layer is None else entry.layer]
    value: Floats = found[entry.tensor.output]
    if entry.name == "probabilities":
        return probabilities(value)
    return value if entry.head is None else value[entry.head]


def _parameter(entry: Entry, asked: TraceQuestion, parameters: Parameters, heads: int) -> Floats:
    tensor = entry.tensor
    first, count = 0, parameters.size(entry.parameter)[0]
    if tensor.part is not None and entry.head is not None:
        count //= JOINT_PARTS * heads  # queries of all heads, then keys, then values
        first = (tensor.part * heads + entry.head) * count
    rows = asked.units if asked.units and tensor.has_units else range(count)
    return parameters.rows(entry.parameter, [first + row for row in rows])


def facts(
    asked: TraceQuestion, image: ImageFacts, bundle: Bundle, parameters: Parameters
) -> dict[str, str]:
    """Say what a reader must know beside the tensors, in JSON."""
    contract, shape = bundle.contract, bundle.contract.architecture
    told: dict[str, Any] = {
        "model": {"name": contract.name, "version": contract.version, "digest": bundle.digest},
        "image": image._asdict(),
        "crop_box": crop_box(image.width, image.height, contract.preprocessing),
        "architecture": {
            **shape.model_dump(
                include={
                    "image_size", "patch_size", "grid", "depth", "heads", "width",
                    "prefix_tokens", "class_token", "pooling", "norm_after_pooling", "pre_norm",
                }
            ),
            "registers": shape.registers,
            "norm_epsilon": parameters.shape["norm_epsilon"],
            "layer_scale": parameters.shape["layer_scale"] is not None,
        },
        "units": asked.units,
    }  # fmt: skip
    return {"precision": "fp32", **{name: json.dumps(value) for name, value in told.items()}}
