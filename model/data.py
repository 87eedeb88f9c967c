"""What training learns from: checked, labelled pictures, split into train and validation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from model.sources import PARTS, DataError, Picture, Source, read_source


@dataclass(frozen=True)
class TrainingData:
    """Pictures to learn from and to validate on; labels are the sorted names of the classes."""

    labels: tuple[str, ...]
    train: Sequence[Picture]
    validation: Sequence[Picture]


def read_training_data(
    sources: Iterable[str], validation_share: float, seed: int, max_bytes: int
) -> TrainingData:
    """Find, merge, check and split the pictures of all sources. The test part is not touched.

    Where no source has a validation part, `validation_share` of every class of train is held out.
    Raises DataError for a single class, an empty class, or classes that differ between parts.
    """
    merged = Source()
    wrong: list[str] = []
    for name in sources:
        try:
            merged.merge(read_source(name, max_bytes))
        except DataError as error:
            wrong.append(error.detail)
    wrong = wrong or faults(merged)
    if wrong:
        raise DataError("the data cannot be trained on: " + "; ".join(wrong))
    train, validation = merged.pictures["train"], merged.pictures["validation"]
    if not validation:
        train, validation = split_stratified(train, validation_share, seed)
    return TrainingData(tuple(sorted(merged.classes["train"])), train, validation)


def faults(source: Source) -> list[str]:
    """Name everything that keeps the pictures from being trained on."""
    found: list[str] = []
    classes = source.classes["train"]
    if len(classes) < 2:
        found.append(
            f"train has {len(classes)} class{'es' if not classes else f' ({min(classes)})'}; "
            "put the pictures of at least 2 classes into train/<class>/"
        )
    for part in PARTS:
        filled = {picture.label for picture in source.pictures[part]}
        empty = sorted(source.classes[part] - filled)
        if empty:
            found.append(
                f"{part} has no picture of {', '.join(empty)}; add some or remove the class"
            )
        if part == "train" or not source.classes[part]:
            continue
        for here, there, labels in (
            (part, "train", source.classes[part] - classes),
            ("train", part, classes - source.classes[part]),
        ):
            if labels:
                found.append(
                    f"{', '.join(sorted(labels))} is in {here} but not in {there}; "
                    "name the classes alike in all parts"
                )
    counts = Counter(picture.label for picture in source.pictures["train"])
    alone = sorted(label for label in classes if counts[label] == 1)
    if alone and not source.pictures["validation"]:
        found.append(
            f"train has a single picture of {', '.join(alone)}, and one must be held out; add more"
        )
    return found


def split_stratified(
    pictures: Iterable[Picture], share: float, seed: int
) -> tuple[list[Picture], list[Picture]]:
    """Hold out a share of every class, at least one picture: (kept, held out)."""
    by_label: dict[str, list[Picture]] = {}
    for picture in pictures:
        by_label.setdefault(picture.label, []).append(picture)
    kept: list[Picture] = []
    held_out: list[Picture] = []
    for label in sorted(by_label):
        members = by_label[label]
        order = np.random.default_rng([seed, *label.encode()]).permutation(len(members))
        held = max(1, round(share * len(members)))
        held_out += [members[index] for index in sorted(order[:held])]
        kept += [members[index] for index in sorted(order[held:])]
    return kept, held_out
