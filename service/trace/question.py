"""What is asked of a trace: its tensors, layers, heads and units, checked against the model."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from reprlib import repr as shorten
from typing import Literal

from pydantic import BaseModel, Field

from service.contract import Contract
from service.errors import ErrorDetail, InvalidParameter
from service.trace.parameters import Parameters
from service.trace.tensors import JOINT_PARTS, TENSORS, TraceTensor

ITEM_BYTES = {"f32": 4, "f16": 2, "u8": 1}
NUMBER = re.compile(r"0|[1-9]\d{0,8}", re.ASCII)
LARGEST_TOLD = 3  # tensors of an answer that is too large
PROBLEMS_TOLD = 8  # of one list


class TraceOptions(BaseModel):
    """What can be asked of a trace; lists are separated by commas."""

    tensors: str = Field(description=f"Which tensors: {', '.join(TENSORS)}")
    layers: str | None = Field(
        default=None,
        description="Layers, from 0, of the tensors that belong to one; all by default",
    )
    heads: str | None = Field(
        default=None, description="Heads, from 0, of the tensors that belong to one; all by default"
    )
    units: str | None = Field(
        default=None,
        description="Rows of every weight, which are its outputs, from 0; all by default",
    )
    dtype: Literal["f32", "f16", "u8"] = Field(
        default="f32",
        description="How numbers come; u8 with a scale and a minimum for each tensor",
    )


@dataclass(frozen=True)
class Entry:
    """One tensor of an answer: of which layer and head it is, and its shape."""

    tensor: TraceTensor
    layer: int | None
    head: int | None
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        """What it is called in the answer."""
        return self.tensor.entry(self.layer, self.head)

    @property
    def parameter(self) -> str:
        """What a parameter is called in the checkpoint."""
        return self.tensor.parameter.format(layer=self.layer)


@dataclass(frozen=True)
class TraceQuestion:
    """A checked question: the entries of its answer; no units means all of them."""

    entries: tuple[Entry, ...]
    units: tuple[int, ...]
    dtype: Literal["f32", "f16", "u8"]

    @property
    def outputs(self) -> dict[int, tuple[str, ...]]:
        """The outputs of the graph that it takes, by the layer of the pass that gives them."""
        of_graph = [one for one in self.entries if one.tensor.source == "graph"]
        whole = {one.tensor.output for one in of_graph if one.layer is None}
        layers = sorted({one.layer for one in of_graph if one.layer is not None})
        found = {
            layer: {one.tensor.output for one in of_graph if one.layer == layer} for layer in layers
        }
        if whole:  # any pass gives them, so the first does
            first = layers[0] if layers else 0
            found[first] = found.get(first, set()) | whole
        return {layer: tuple(sorted(names)) for layer, names in found.items()}


def ask_trace(
    contract: Contract, parameters: Parameters, options: TraceOptions, most_bytes: int
) -> TraceQuestion:
    """Check what is asked against a model, and that the answer is not too large.

    Raises InvalidParameter with all that is wrong.
    """
    shape, wrong = contract.architecture, list[ErrorDetail]()
    tensors = list(_tensors(options.tensors, contract, parameters, wrong))
    layers = _numbers(options.layers, shape.depth, "layers", "layer", wrong)
    heads = _numbers(options.heads, shape.heads, "heads", "head", wrong)
    units = _units(options.units, tensors, contract, parameters, wrong)
    if wrong:
        raise InvalidParameter("; ".join(error.detail for error in wrong), wrong)
    entries = tuple(
        Entry(tensor, layer, head, _shape(tensor, contract, parameters, units))
        for tensor in tensors
        for layer in (layers if tensor.scope != "whole" else [None])
        for head in (heads if tensor.scope == "head" else [None])
    )
    _check_bytes(entries, options.dtype, most_bytes)
    return TraceQuestion(entries, tuple(units), options.dtype)


def _tensors(
    asked: str, contract: Contract, parameters: Parameters, wrong: list[ErrorDetail]
) -> Iterator[TraceTensor]:
    names = [name.strip() for name in asked.split(",")]
    for name in dict.fromkeys(names):
        tensor = TENSORS.get(name)
        if tensor is None:
            nearest = get_close_matches(name[:64], TENSORS, n=3, cutoff=0.4)
            some = f"the nearest are {', '.join(nearest)}" if nearest else "/docs lists them"
            _tell(wrong, "tensors", f"tensor {shorten(name)} does not exist; {some}")
        elif not _is_there(tensor, contract, parameters):
            _tell(wrong, "tensors", f"this model has no {tensor.needs}, so no {name}; leave it out")
        else:
            yield tensor
        if names.count(name) > 1:
            _tell(wrong, "tensors", f"tensor {shorten(name)} is named twice; name each once")


def _is_there(tensor: TraceTensor, contract: Contract, parameters: Parameters) -> bool:
    if tensor.source == "weights":
        return tensor.parameter.format(layer=0) in parameters.names
    if tensor.source == "picture":
        return True
    assert contract.graphs.trace is not None
    return any(spec.name == tensor.output for spec in contract.graphs.trace.outputs)


def _numbers(
    asked: str | None, count: int, parameter: str, what: str, wrong: list[ErrorDetail]
) -> list[int]:
    """Read a list of numbers below `count`; all of them where none is asked."""
    if asked is None:
        return list(range(count))
    texts = [text.strip() for text in asked.split(",")]
    for text in dict.fromkeys(texts):
        if not NUMBER.fullmatch(text) or int(text) >= count:
            there = f"this model has {what}s 0 to {count - 1}"
            _tell(wrong, parameter, f"{what} {shorten(text)} does not exist; {there}")
        elif texts.count(text) > 1:
            _tell(wrong, parameter, f"{what} {text} is named twice; name each once")
    return [int(text) for text in texts if NUMBER.fullmatch(text)]


def _units(
    asked: str | None,
    tensors: Sequence[TraceTensor],
    contract: Contract,
    parameters: Parameters,
    wrong: list[ErrorDetail],
) -> list[int]:
    """Read the units, which every weight that is asked for must have; none means all."""
    weights = [tensor for tensor in tensors if tensor.has_units]
    if asked is None or not weights:
        return []
    rows = {one.name: _shape(one, contract, parameters, ())[0] for one in weights}
    smallest = min(rows, key=rows.__getitem__)
    return _numbers(asked, rows[smallest], "units", f"{smallest} unit", wrong)


def _tell(wrong: list[ErrorDetail], parameter: str, detail: str) -> None:
    if sum(error.pointer == parameter for error in wrong) < PROBLEMS_TOLD:
        wrong.append(ErrorDetail(parameter, detail))


def _shape(
    tensor: TraceTensor, contract: Contract, parameters: Parameters, units: Sequence[int]
) -> tuple[int, ...]:
    """Give the shape of a tensor, of one layer and one head where it belongs to such."""
    if tensor.source == "weights":
        first, *others = parameters.size(tensor.parameter.format(layer=0))
        if tensor.part is not None:
            first //= JOINT_PARTS * contract.architecture.heads
        return (len(units) if units and tensor.has_units else first, *others)
    if tensor.source == "picture":
        rows, columns = contract.architecture.image_size
        return (rows, columns, 3) if tensor.name == "pixels" else (3, rows, columns)
    assert contract.graphs.trace is not None
    _, *sizes = next(
        spec.shape for spec in contract.graphs.trace.outputs if spec.name == tensor.output
    )
    return tuple(int(size) for size in (sizes[1:] if tensor.scope == "head" else sizes))


def _check_bytes(entries: Sequence[Entry], dtype: str, most_bytes: int) -> None:
    sizes: dict[str, int] = {}
    for entry in entries:
        item = 1 if entry.tensor.name == "pixels" else ITEM_BYTES[dtype]
        name = entry.tensor.name
        sizes[name] = sizes.get(name, 0) + item * math.prod(entry.shape)
    if (total := sum(sizes.values())) <= most_bytes:
        return
    largest = sorted(sizes, key=lambda name: -sizes[name])[:LARGEST_TOLD]
    told = [
        f"{name} has {sizes[name]:,} bytes, {_count(name, entries)} in {dtype}" for name in largest
    ]
    detail = (
        f"this trace would have {total:,} bytes, more than {most_bytes:,}: {'; '.join(told)}; ask "
        "for fewer tensors, layers, heads or units, or for dtype f16 or u8"
    )
    raise InvalidParameter(detail, [ErrorDetail("tensors", one) for one in told])


def _count(name: str, entries: Sequence[Entry]) -> str:
    own = [entry for entry in entries if entry.tensor.name == name]
    return f"{len(own)} of {list(own[0].shape)}"
