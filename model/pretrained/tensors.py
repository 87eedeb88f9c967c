"""Compares the tensors of a source with those that its architecture has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from service.errors import ErrorDetail, InvalidInput

Shape = tuple[int, ...]
MOST_TOLD = 60


@dataclass(frozen=True)
class Expected:
    """A tensor of a source: what it is called in Vitrine, and its sizes."""

    name: str
    sizes: Shape


def take(
    tensors: Mapping[str, Tensor],
    expected: Mapping[str, Expected],
    ignored: Sequence[str],
    where: str,
) -> dict[str, Tensor]:
    """Give the tensors by Vitrine's names; those that match a pattern in `ignored` may be there.

    Raises InvalidInput with every missing, superfluous and misshapen tensor at once.
    """
    problems = [*_missing(tensors, expected), *_misshapen(tensors, expected)]
    problems += [
        ErrorDetail(name, f"not expected, got {_sizes(tensors[name].shape)}")
        for name in tensors
        if name not in expected and not any(re.search(pattern, name) for pattern in ignored)
    ]
    if problems:
        raise InvalidInput(_told(problems, where), problems)
    return {one.name: tensors[source] for source, one in expected.items()}


def _missing(tensors: Mapping[str, Tensor], expected: Mapping[str, Expected]) -> list[ErrorDetail]:
    return [
        ErrorDetail(name, f"expected {_sizes(one.sizes)}, got nothing")
        for name, one in expected.items()
        if name not in tensors
    ]


def _misshapen(
    tensors: Mapping[str, Tensor], expected: Mapping[str, Expected]
) -> list[ErrorDetail]:
    return [
        ErrorDetail(name, f"expected {_sizes(one.sizes)}, got {_sizes(tensors[name].shape)}")
        for name, one in expected.items()
        if name in tensors and tuple(tensors[name].shape) != one.sizes
    ]


def _sizes(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes)) or "a scalar"


def _told(problems: Sequence[ErrorDetail], where: str) -> str:
    lines = [f"\n  {problem}" for problem in problems[:MOST_TOLD]]
    more = len(problems) - MOST_TOLD
    rest = f"\n  and {more} more" if more > 0 else ""
    return (
        f"{where} does not hold the tensors of its architecture, {len(problems)} are wrong:"
        f"{''.join(lines)}{rest}\n"
        "give the weights that belong to its config.json, or the right --architecture"
    )
