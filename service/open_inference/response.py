"""An answer of the protocol: a JSON header, and behind it the bytes of binary tensors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.open_inference.tensor import OutputTensor


@dataclass(frozen=True)
class InferResponse:
    """The body of an answer; `header_length` counts the bytes of its JSON where more follows."""

    body: bytes
    header_length: int | None


def write_response(
    model: tuple[str, str], request_id: str | None, outputs: Sequence[tuple[OutputTensor, bool]]
) -> InferResponse:
    """Write an answer; `model` is its name and version, outputs say whether they go in binary."""
    name, version = model
    header: dict[str, Any] = {"model_name": name, "model_version": version}
    if request_id is not None:
        header["id"] = request_id
    binary: list[bytes] = []
    header["outputs"] = [_output(tensor, is_binary, binary) for tensor, is_binary in outputs]
    text = json.dumps(header, separators=(",", ":")).encode()
    return InferResponse(b"".join((text, *binary)), len(text) if binary else None)


def _output(tensor: OutputTensor, is_binary: bool, binary: list[bytes]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": tensor.name,
        "datatype": tensor.datatype,
        "shape": tensor.shape,
    }
    if is_binary:
        binary.append(tensor.to_binary())
        return described | {"parameters": {"binary_data_size": len(binary[-1])}}
    return described | {"data": tensor.to_json()}
