"""The names of a model's classes: the source's own, or those of a file, made unique."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.errors import InvalidInput

PLACEHOLDER = re.compile(r"LABEL_\d+")  # what transformers writes where nobody named the classes


@dataclass(frozen=True)
class Labels:
    """One unique name for every class; `warnings` says what was done to get there."""

    names: tuple[str, ...]
    origin: str
    warnings: tuple[str, ...] = ()


def choose_labels(told: object, origin: str, classes: int, file: Path | None) -> Labels:
    """Give the labels of a file if there is one, else those that the source tells, else numbers.

    `told` is a list, or goes from class numbers to names. Raises InvalidInput where their number
    is not that of the classes, or one is empty.
    """
    if file is not None:
        return _unique(_checked(_read_file(file), classes, str(file)), str(file))
    names = _in_order(told, origin) if told else []
    if not names or all(PLACEHOLDER.fullmatch(name) for name in names):
        return _numbered(classes)
    return _unique(_checked(names, classes, origin), origin)


def _numbered(classes: int) -> Labels:
    warning = (
        f"the source does not name its {classes} classes; they are called 'class 0' to "
        f"'class {classes - 1}'. Give their names with --labels FILE, one a line"
    )
    return Labels(tuple(f"class {index}" for index in range(classes)), "assumed", (warning,))


def _read_file(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8")
        told = json.loads(text) if file.suffix == ".json" else text.splitlines()
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"labels file {file} cannot be read: {error}; give a text file with one label a line, "
            "or a .json with a list"
        ) from None
    if isinstance(told, dict) and isinstance(told.get("id2label"), dict):
        told = told["id2label"]
    return _in_order(told, str(file))


def _in_order(told: object, origin: str) -> list[str]:
    if isinstance(told, Mapping):
        try:
            numbered = {int(number): str(name) for number, name in told.items()}
        except ValueError:
            raise InvalidInput(
                f"the labels of {origin} are not keyed by class numbers; give --labels FILE"
            ) from None
        if sorted(numbered) != list(range(len(numbered))):
            raise InvalidInput(
                f"the labels of {origin} do not number the classes from 0 to {len(numbered) - 1}; "
                "give --labels FILE"
            )
        return [numbered[index].strip() for index in range(len(numbered))]
    if isinstance(told, Sequence) and not isinstance(told, str):
        return [str(name).strip() for name in told]
    raise InvalidInput(f"{origin} holds no list of labels; give a text file with one label a line")


def _checked(names: list[str], classes: int, origin: str) -> list[str]:
    if len(names) != classes:
        raise InvalidInput(
            f"{origin} has {len(names)} labels for {classes} classes; give --labels FILE with one "
            "a line"
        )
    if empty := [str(index) for index, name in enumerate(names) if not name]:
        raise InvalidInput(
            f"{origin} has no label for class {', '.join(empty)}; give --labels FILE with one a "
            "line"
        )
    return names


def _unique(names: list[str], origin: str) -> Labels:
    """Add its number to each label that several classes have, as ImageNet's two cranes."""
    counts = Counter(names)
    repeated = [name for name, count in counts.items() if count > 1]
    if not repeated:
        return Labels(tuple(names), origin)
    unique = [f"{name} ({index})" if counts[name] > 1 else name for index, name in enumerate(names)]
    if len(set(unique)) < len(unique):
        raise InvalidInput(
            f"the labels of {origin} repeat {', '.join(repeated)} and numbering does not tell them "
            "apart; give --labels FILE"
        )
    warning = (
        f"several classes share a label, and got their numbers behind it: {', '.join(repeated)}"
    )
    return Labels(tuple(unique), origin, (warning,))
