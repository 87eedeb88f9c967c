"""A request of the protocol: a JSON header, and behind it the bytes of binary tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from service.errors import InvalidInput
from service.json_document import read_document
from service.open_inference.tensor import InputTensor

MOST_TENSORS = 16
MOST_DIMENSIONS = 8
MOST_DIGITS = 12  # of the header's length

Count = Annotated[StrictInt, Field(ge=0, le=2**31)]


class InputParameters(BaseModel):
    """What is said of an input besides its shape."""

    binary_data_size: Count | None = None


class InputHeader(BaseModel):
    """An input: its data is in `data`, or behind the JSON where `binary_data_size` is given."""

    name: str
    datatype: str
    shape: Annotated[list[Count], Field(min_length=1, max_length=MOST_DIMENSIONS)]
    parameters: InputParameters | None = None
    data: list[Any] | None = None


class OutputParameters(BaseModel):
    """How an output is wanted."""

    binary_data: StrictBool | None = None
    classification: Count | None = None
    shared_memory_region: str | None = None


class OutputHeader(BaseModel):
    """An output that is asked for."""

    name: str
    parameters: OutputParameters | None = None


class RequestParameters(BaseModel):
    """What is said of the whole request."""

    binary_data_output: StrictBool | None = None


class RequestHeader(BaseModel):
    """The JSON of a request."""

    model_config = ConfigDict(extra="ignore")  # clients add members of their own

    id: str | None = None
    inputs: Annotated[list[InputHeader], Field(min_length=1, max_length=MOST_TENSORS)]
    outputs: Annotated[list[OutputHeader], Field(max_length=MOST_TENSORS)] | None = None
    parameters: RequestParameters | None = None


@dataclass(frozen=True)
class RequestedOutput:
    """An output that is asked for; `classes` above 0 asks for the best so many, named."""

    name: str
    is_binary: bool
    classes: int = 0


@dataclass(frozen=True)
class InferRequest:
    """What a caller sent; no outputs means all there are, binary where `is_binary`."""

    id: str | None
    inputs: tuple[InputTensor, ...]
    outputs: tuple[RequestedOutput, ...]
    is_binary: bool


def read_request(body: bytes, header_length: str | None) -> InferRequest:
    """Read a request; `header_length` is how many bytes the JSON has, None where it is all.

    Raises InvalidInput, saying what does not fit.
    """
    length = len(body) if header_length is None else _length(header_length, len(body))
    header = read_document(RequestHeader, body[:length])
    is_binary = bool(header.parameters and header.parameters.binary_data_output)
    return InferRequest(
        id=header.id,
        inputs=_inputs(header.inputs, memoryview(body)[length:]),
        outputs=tuple(_requested(output, is_binary) for output in header.outputs or ()),
        is_binary=is_binary,
    )


def _length(stated: str, size: int) -> int:
    is_number = stated.isdecimal() and len(stated) <= MOST_DIGITS
    if not is_number or int(stated) > size:
        raise InvalidInput(
            f"Inference-Header-Content-Length is {stated[:40]!r}, not a number of bytes within the "
            f"body of {size:,}; state the length of the JSON before the binary data"
        )
    return int(stated)


def _inputs(headers: list[InputHeader], binary: memoryview) -> tuple[InputTensor, ...]:
    inputs: list[InputTensor] = []
    start = 0
    for index, header in enumerate(headers):
        size = header.parameters.binary_data_size if header.parameters else None
        tensor = InputTensor(
            header.name,
            header.datatype,
            tuple(header.shape),
            binary[start : start + size] if size is not None else header.data or [],
            f"/inputs/{index}",
        )
        if (size is None) == (header.data is None):
            raise tensor.refusal(
                "must have either data or the parameter binary_data_size; shared memory is not read"
            )
        start += size or 0
        if start > len(binary):
            raise tensor.refusal(
                f"states a binary_data_size of {size:,} bytes, but {len(binary):,} follow the JSON "
                "in all; send the header Inference-Header-Content-Length, and all bytes"
            )
        inputs.append(tensor)
    if start != len(binary):
        raise InvalidInput(
            f"{len(binary):,} bytes follow the JSON, but binary_data_size sums up to {start:,}; "
            "state the size of every binary input"
        )
    return tuple(inputs)


def _requested(output: OutputHeader, is_binary: bool) -> RequestedOutput:
    parameters = output.parameters or OutputParameters()
    if parameters.shared_memory_region is not None:
        raise InvalidInput(f"output {output.name[:64]!r} cannot be written to shared memory")
    stated = parameters.binary_data
    return RequestedOutput(
        output.name, is_binary if stated is None else stated, parameters.classification or 0
    )
