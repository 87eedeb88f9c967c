"""Tensors as the protocol writes them: in JSON, or as bytes behind it (binary tensor data).

Numbers are FP32, little-endian, row by row. An element of BYTES has its length before it, as four
little-endian bytes. In JSON, BYTES that are sent are base64, and BYTES that are answered are text:
what is sent are pictures, what is answered are labels.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod
from typing import Any, Literal

import numpy as np

from service.base64_text import decode_base64
from service.engine import Floats
from service.errors import ErrorDetail, InvalidInput

Datatype = Literal["FP32", "BYTES"]
FP32 = np.dtype("<f4")
LENGTH = struct.Struct("<I")


@dataclass(frozen=True)
class InputTensor:
    """A tensor as it was sent; `floats` and `elements` read what is in it.

    `content` is a list where it came in JSON. `pointer` says where, for errors.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    content: memoryview | list[Any]
    pointer: str

    @property
    def size(self) -> int:
        """How many numbers or elements its shape asks for."""
        return prod(self.shape)

    def floats(self) -> Floats:
        """Give FP32 numbers in their shape. Raises InvalidInput where they do not fit it."""
        if isinstance(self.content, list):
            return self._floats_of_json(self.content)
        if len(self.content) != self.size * FP32.itemsize:
            raise self.refusal(
                f"has {len(self.content):,} bytes; its shape {list(self.shape)} takes "
                f"{self.size * FP32.itemsize:,}, four for each FP32 number"
            )
        numbers = np.frombuffer(self.content, FP32).reshape(self.shape)
        return np.require(numbers, requirements=["ALIGNED"])  # they may begin at any byte

    def elements(self) -> list[bytes]:
        """Give the elements of BYTES. Raises InvalidInput where they do not fit the shape."""
        if isinstance(self.content, list):
            return self._elements_of_json(self.content)
        elements: list[bytes] = []
        start = 0
        for _ in range(self.size):
            element, start = self._element(self.content, start, len(elements))
            elements.append(element)
        if start != len(self.content):
            raise self.refusal(
                f"has {len(self.content) - start:,} bytes left after its {self.size} elements; "
                "let its shape count them all"
            )
        return elements

    def refusal(self, what: str) -> InvalidInput:
        """Give the error that names this tensor."""
        detail = f"input {self.name} {what}"
        return InvalidInput(detail, [ErrorDetail(self.pointer, detail)])

    def _floats_of_json(self, content: list[Any]) -> Floats:
        flat = self._flat(content, "numbers")
        if not set(map(type, flat)) <= {int, float}:  # a bool is an int, but its type is another
            raise self.refusal("is not a list of numbers, flat or nested as its shape is")
        try:
            with np.errstate(over="ignore"):  # what is infinite then is refused as such
                return np.array(flat, np.float32).reshape(self.shape)
        except OverflowError:
            raise self.refusal("has whole numbers too large for FP32") from None

    def _elements_of_json(self, content: list[Any]) -> list[bytes]:
        return [
            decode_base64(text, f"{self.pointer}/data/{index}")
            for index, text in enumerate(self._flat(content, "elements"))
        ]

    def _flat(self, content: list[Any], what: str) -> list[Any]:
        """Give JSON data row by row, whether it came flat or nested as its shape is."""
        flat = content
        for size in self.shape[1:] if content and isinstance(content[0], list) else ():
            if not all(isinstance(row, list) and len(row) == size for row in flat):
                raise self.refusal(
                    f"has data that is not nested as its shape {list(self.shape)} is; nest it so, "
                    "or send it flat"
                )
            flat = list(chain.from_iterable(flat))
        if len(flat) != self.size:
            raise self.refusal(
                f"has {len(flat):,} {what}; its shape {list(self.shape)} takes {self.size:,}"
            )
        return flat

    def _element(self, content: memoryview, start: int, index: int) -> tuple[bytes, int]:
        begin = start + LENGTH.size
        length = LENGTH.unpack_from(content, start)[0] if begin <= len(content) else 0
        end = begin + length
        if end > len(content):
            raise self.refusal(
                f"ends within element {index} of {self.size}; write each element's length before "
                "it, as four little-endian bytes"
            )
        return bytes(content[begin:end]), end


@dataclass(frozen=True)
class OutputTensor:
    """A tensor to answer: FP32 numbers, or BYTES as texts in rows."""

    name: str
    values: Floats | Sequence[Sequence[str]]

    @property
    def datatype(self) -> Datatype:
        """FP32 or BYTES."""
        return "FP32" if isinstance(self.values, np.ndarray) else "BYTES"

    @property
    def shape(self) -> list[int]:
        """The sizes, rows first."""
        if isinstance(self.values, np.ndarray):
            return list(self.values.shape)
        return [len(self.values), len(self.values[0])]

    def to_json(self) -> list[Any]:
        """Give it row by row in one flat list."""
        if isinstance(self.values, np.ndarray):
            return list(self.values.ravel().tolist())
        return [text for row in self.values for text in row]

    def to_binary(self) -> bytes:
        """Give it row by row in bytes."""
        if isinstance(self.values, np.ndarray):
            return self.values.astype(FP32).tobytes()
        encoded = [text.encode() for row in self.values for text in row]
        return b"".join(LENGTH.pack(len(element)) + element for element in encoded)
