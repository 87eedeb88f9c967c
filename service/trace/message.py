"""Writes a trace as one message in the safetensors format, with what it takes to read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from service.engine import Floats
from service.errors import InvalidParameter

FORMAT = "vitrine-trace/1"
MEDIA_TYPE = "application/x-safetensors"
LEVELS = 255
LARGEST_F16 = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class Quantization:
    """How the levels 0 to 255 of a tensor are read: minimum + scale * level."""

    scale: float
    minimum: float


def quantized(values: Floats) -> tuple[NDArray[np.uint8], Quantization]:
    """Spread 256 levels from the least value to the largest; each is off by half a step at most."""
    minimum, maximum = float(values.min()), float(values.max())
    how = Quantization((maximum - minimum) / LEVELS, minimum)
    if not how.scale:
        return np.zeros(values.shape, np.uint8), how
    levels = (values.astype(np.float64) - minimum) / how.scale
    return np.rint(levels).astype(np.uint8), how


def message(
    tensors: Mapping[str, NDArray[Any]],
    dtype: Literal["f32", "f16", "u8"],
    facts: Mapping[str, str],
) -> bytes:
    """Write tensors, those of floats in `dtype`, and facts about them.

    Raises InvalidParameter where a number is too large for f16.
    """
    written: dict[str, NDArray[Any]] = {}
    quantization: dict[str, dict[str, float]] = {}
    for name, values in tensors.items():
        if values.dtype == np.uint8 or dtype == "f32":
            written[name] = values
        elif dtype == "f16":
            written[name] = _halved(name, values)
        else:
            written[name], how = quantized(values)
            quantization[name] = {"scale": how.scale, "minimum": how.minimum}
    metadata = {"format": FORMAT, **facts, "quantization": json.dumps(quantization)}
    return save({name: np.ascontiguousarray(one) for name, one in written.items()}, metadata)


def _halved(name: str, values: Floats) -> NDArray[np.float16]:
    if float(np.abs(values).max()) > LARGEST_F16:
        raise InvalidParameter(
            f"{name} has numbers beyond {LARGEST_F16:,.0f}, the largest of f16; ask for dtype f32"
        )
    return values.astype(np.float16)
