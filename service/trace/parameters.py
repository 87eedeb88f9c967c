"""The parameters of a served model, read from its weights file as they are asked for."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from safetensors import SafetensorError, safe_open

from service.bundle import Bundle
from service.contract import SHAPE_KEY, WEIGHTS_FILE
from service.engine import Floats
from service.errors import ContractError


class Parameters:
    """The weights file of a bundle, open; of it only the rows asked for are read.

    Invariant: it is the file whose digest was checked, also when another takes its place: opened
    with the model, it stays the same until the model is closed.
    """

    def __init__(self, bundle: Bundle) -> None:
        """Open the file. Raises ContractError where it does not tell the shape of its model."""
        path = bundle.path(WEIGHTS_FILE)
        try:
            self._file = cast(Any, safe_open(path, framework="numpy"))  # it states no types
            self.shape: dict[str, Any] = json.loads(self._file.metadata()[SHAPE_KEY])
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ContractError(
                f"{path} does not tell the shape of its model: {error!r}; export the bundle again"
            ) from error
        self.names = frozenset(self._file.keys())

    def size(self, name: str) -> tuple[int, ...]:
        """Give a parameter's shape as a trace shows it.

        Tokens [1, N, d] lose the axis of the batch, and the weights of a convolution [d, c, p, p]
        are a matrix.
        """
        first, *others = self._file.get_slice(name).get_shape()
        if len(others) == 2:
            return tuple(others)
        return (first, math.prod(others)) if others else (first,)

    def rows(self, name: str, rows: Sequence[int]) -> Floats:
        """Read some rows of a parameter, in their order."""
        parameter = self._file.get_slice(name)
        are_tokens = len(parameter.get_shape()) == len(("batch", "tokens", "width"))
        pieces = [
            parameter[0, first:last] if are_tokens else parameter[first:last]
            for first, last in _runs(rows)
        ]
        found: Floats = np.concatenate(pieces)
        return found.reshape(len(rows), *self.size(name)[1:])


def _runs(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Join rows that follow each other: (first, last + 1) of each run."""
    runs: list[tuple[int, int]] = []
    for row in rows:
        if runs and runs[-1][1] == row:
            runs[-1] = runs[-1][0], row + 1
        else:
            runs.append((row, row + 1))
    return runs
