"""One weights file for all the graphs of a bundle.

The exporter gives every graph its own copy of the weights, some of them transposed. Here each copy
is replaced by a reference into `weights.safetensors`, which holds every parameter once under its
checkpoint name: onnxruntime reads it as external data, torch as an ordinary checkpoint.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from service.errors import ContractError

LARGEST_CONSTANT = 16 * 1024  # bytes; larger constants must be parameters, so that none is copied
HEADER_LENGTH_BYTES = 8  # a safetensors file opens with its header's length (little-endian u64)

Parameters = dict[str, NDArray[np.float32]]


def share_weights(graph: onnx.ModelProto, weights: Path, parameters: Parameters) -> None:
    """Point a graph's weights into the safetensors file beside it, in place.

    Raises ContractError when a constant above 16 KiB is no parameter, straight or transposed.
    """
    offsets = _offsets(weights)
    constants: dict[str, onnx.TensorProto] = {}
    made: list[onnx.NodeProto] = []
    names: dict[str, str] = {}
    for constant in graph.graph.initializer:
        values = numpy_helper.to_array(constant)
        if values.nbytes <= LARGEST_CONSTANT:
            constants[constant.name] = constant
            continue
        parameter, nodes = _as_parameter(constant.name, values, parameters)
        made.extend(nodes)
        constants[parameter] = _external(parameter, parameters, offsets, weights)
        if not nodes:
            names[constant.name] = parameter
    nodes = [*made, *graph.graph.node]
    for node in nodes:
        node.input[:] = [names.get(name, name) for name in node.input]
    del graph.graph.initializer[:], graph.graph.node[:]
    graph.graph.initializer.extend(constants.values())
    graph.graph.node.extend(nodes)


def _as_parameter(
    constant: str, values: NDArray[np.float32], parameters: Parameters
) -> tuple[str, list[onnx.NodeProto]]:
    """Find the parameter that a constant is, and the nodes that make the constant of it."""
    for name, parameter in parameters.items():
        if parameter.shape == values.shape and np.array_equal(parameter, values):
            return name, []
    for name, parameter in parameters.items():
        if parameter.ndim < 2 or parameter.size != values.size:
            continue
        matrix = parameter.reshape(len(parameter), -1)
        if np.array_equal(matrix, values):
            return name, [onnx.helper.make_node("Flatten", [name], [constant], axis=1)]
        if not np.array_equal(matrix.T, values):
            continue
        if parameter.ndim == 2:
            return name, [onnx.helper.make_node("Transpose", [name], [constant], perm=[1, 0])]
        flat = f"{constant}.flat"
        return name, [
            onnx.helper.make_node("Flatten", [name], [flat], axis=1),
            onnx.helper.make_node("Transpose", [flat], [constant], perm=[1, 0]),
        ]
    raise ContractError(
        f"the exported graph holds a constant {constant} of shape {values.shape} that is no "
        "parameter; it would be stored twice"
    )


def _external(
    name: str, parameters: Parameters, offsets: dict[str, int], weights: Path
) -> onnx.TensorProto:
    tensor = onnx.TensorProto(
        name=name,
        data_type=onnx.TensorProto.FLOAT,
        dims=parameters[name].shape,
        data_location=onnx.TensorProto.EXTERNAL,
    )
    place = {"location": weights.name, "offset": offsets[name], "length": parameters[name].nbytes}
    for key, value in place.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def _offsets(weights: Path) -> dict[str, int]:
    """Read where each tensor of a safetensors file begins, in bytes from the file's start."""
    with weights.open("rb") as file:
        length = int.from_bytes(file.read(HEADER_LENGTH_BYTES), "little")
        header = json.loads(file.read(length))
    data_start = HEADER_LENGTH_BYTES + length
    return {
        name: data_start + entry["data_offsets"][0]
        for name, entry in header.items()
        if name != "__metadata__"
    }
