"""Writes the classify graph in fewer bits.

int8: weights in 7 bits of a byte, a scale for every output channel; activations in 8 bits, with a
scale found at every run. A CPU without VNNI adds pairs of products in 16 bits, where full 8-bit
weights overflow: on such a CPU the embedded model then agreed with fp32 on 98.6 % of the test
pictures, with 7 bits on 99.2 %, at equal speed (docs/benchmarks.md). What stays fp32 is small: the
patch embedding, the head, and the products of attention, of which neither side is a weight.

fp16: everything in half precision between float32 inputs and outputs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from safetensors.numpy import load_file

from service.contract import WEIGHTS_FILE
from service.record import PrecisionName


def write_int8(graph: Path, made: Path, keep_float: Sequence[str]) -> None:
    """Write a graph with its weights in 7 bits of a byte."""
    from onnxruntime.quantization import QuantType, quantize_dynamic  # slow to import

    model = with_own_weights(graph)
    heads = [f"{node.name}_MatMul" for node in model.graph.node if node.op_type == "Gemm"]
    logging.getLogger().addFilter(_is_not_of_the_quantizer)
    try:
        quantize_dynamic(
            model,
            made,
            op_types_to_quantize=["MatMul"],
            nodes_to_exclude=[*heads, *_nodes_with(model, keep_float)],  # it splits Gemm, too
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )
    finally:
        logging.getLogger().removeFilter(_is_not_of_the_quantizer)


def write_fp16(graph: Path, made: Path, keep_float: Sequence[str]) -> None:
    """Write a graph that computes in half precision; its inputs and outputs stay float32."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = with_own_weights(graph)
    kept = _nodes_with(model, keep_float)
    onnx.save(convert_float_to_float16(model, keep_io_types=True, node_block_list=kept), made)


WRITERS: dict[PrecisionName, Callable[[Path, Path, Sequence[str]], None]] = {
    "int8": write_int8,
    "fp16": write_fp16,
}


def with_own_weights(graph: Path) -> onnx.ModelProto:
    """Read a graph with its weights inside, each in the form in which it is multiplied.

    A weight is named as in the checkpoint, with `.transpose` or `.flatten` where it is that.
    """
    model = onnx.load(graph)
    names = _small_weights(model, graph.with_name(WEIGHTS_FILE))
    for tensor in model.graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        given = [names.get(name, name) for name in node.input]
        if node.op_type in ("Transpose", "Flatten") and given[0] in weights:
            names[node.output[0]] = f"{given[0]}.{node.op_type.lower()}"
            made = _matrix(numpy_helper.to_array(weights[given[0]]), node.op_type)
            weights[names[node.output[0]]] = numpy_helper.from_array(made, names[node.output[0]])
            continue
        node.input[:] = given
        nodes.append(node)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in weights.values() if tensor.name in used]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(kept)
    return model


def _small_weights(model: onnx.ModelProto, weights: Path) -> dict[str, str]:
    """Name the matrices that the exporter transposed itself and named `val_13` and the like."""
    constants = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in model.graph.initializer
        if len(tensor.dims) == 2 and tensor.name.startswith("val_")
    }
    parameters = load_file(weights) if constants else {}
    return {
        constant: f"{name}.transpose"
        for constant, values in constants.items()
        for name, parameter in parameters.items()
        if np.array_equal(parameter.T, values)
    }


def _nodes_with(model: onnx.ModelProto, parts: Sequence[str]) -> list[str]:
    """Name the nodes that use a weight whose name contains one of the parts."""
    return [
        node.name
        for node in model.graph.node
        if any(part in name for part in parts for name in node.input)
    ]


def _matrix(values: NDArray[np.float32], form: str) -> NDArray[np.float32]:
    """Give a weight as `weight_sharing.py` refers to it: flat, or transposed."""
    flat = values.reshape(len(values), -1)
    return np.ascontiguousarray(flat.T) if form == "Transpose" else flat


def _is_not_of_the_quantizer(line: logging.LogRecord) -> bool:
    """Drop what onnxruntime says to the root logger of every tensor that it does not change."""
    return "onnxruntime" not in line.pathname
