"""Decides what is done with pictures: as the source's files say, for the size that is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from model.image_size import at_image_size
from model.pretrained.architecture import Architecture
from model.pretrained.facts import Fact
from model.pretrained.image_processor import FAMILIES, family_preprocessing, read_processor
from model.pretrained.overrides import Overrides
from model.pretrained.rules import rules_of
from model.pretrained.source import CONFIG_FILE, PROCESSOR_FILE, Source
from model.pretrained.timm import Named, transform_of
from model.pretrained.timm_transform import read_transform, usual_transform
from service.contract import Preprocessing
from service.errors import InvalidInput

Size = tuple[int, int]


@dataclass(frozen=True)
class Prepared:
    """What is done with pictures, where that is from, and what had to be assumed."""

    rules: Preprocessing
    origin: str
    warnings: tuple[str, ...] = ()


def huggingface_preprocessing(
    source: Source, architecture: Architecture, overrides: Overrides
) -> Prepared:
    """Decide for a model of transformers. Raises InvalidInput where its two files disagree."""
    native = architecture.shape.image_size
    if not source.processor:
        family = source.config["model_type"]
        edge = overrides.image_size or max(native)
        if FAMILIES[family].crop and architecture.follows_pictures and not overrides.image_size:
            edge = FAMILIES[family].crop or edge
        rules = _overridden(family_preprocessing(family, edge), overrides)
        return Prepared(rules, "assumed", (_assumed(PROCESSOR_FILE, family),))
    rules = read_processor(source.processor)
    if overrides.image_size is not None:
        rules = at_image_size(rules, overrides.image_size)
    elif rules.crop != native and not architecture.follows_pictures:
        raise InvalidInput(
            f"{CONFIG_FILE} has image_size {native} and {PROCESSOR_FILE} gives {rules.crop}, which "
            "transformers refuses too; choose one with --image-size N"
        )
    return Prepared(_overridden(rules, overrides), PROCESSOR_FILE)


def timm_preprocessing(
    source: Source, named: Named, architecture: Architecture, overrides: Overrides
) -> Prepared:
    """Decide for a model of timm."""
    told = transform_of(source.config)
    size = named.image_size or architecture.shape.image_size
    if overrides.image_size is not None:
        size = (overrides.image_size, overrides.image_size)
    if "mean" in told or "crop_pct" in told:
        return Prepared(_overridden(read_transform(told, size), overrides), CONFIG_FILE)
    usual = {**usual_transform(named.architecture, size), **told}
    warning = _assumed(CONFIG_FILE, named.architecture or "plain ViTs")
    return Prepared(_overridden(read_transform(usual, size), overrides), "assumed", (warning,))


def _assumed(file: str, family: str) -> str:
    return (
        f"no {file} tells what is done with pictures; what is usual for {family} is assumed. "
        "Compare with the model's card, and change it with --resize, --size, --interpolation, "
        "--mean, --std"
    )


def _overridden(rules: Preprocessing, overrides: Overrides) -> Preprocessing:
    given: dict[str, Any] = {
        "resize": overrides.resize,
        "size": None if overrides.size is None else (overrides.size, overrides.size),
        "interpolation": overrides.interpolation,
        "rescale": overrides.rescale,
        "mean": overrides.mean,
        "std": overrides.std,
    }
    changed = {name: value for name, value in given.items() if value is not None}
    return rules_of({**rules.model_dump(), **changed}, f"what is set of {', '.join(changed)}")


def preprocessing_facts(prepared: Prepared, overrides: Overrides) -> list[Fact]:
    """Say what is done with pictures, line by line."""
    rules, origin = prepared.rules, prepared.origin
    way = "shortest edge to" if rules.resize == "shortest_edge" else "stretched to"
    size = (
        rules.size[0] if rules.resize == "shortest_edge" else f"{rules.size[0]} x {rules.size[1]}"
    )
    cut = "" if rules.size == rules.crop else f", then the middle {rules.crop[0]} x {rules.crop[1]}"
    is_resize_given = overrides.resize or overrides.size or overrides.interpolation
    scale = "1 / 255" if rules.rescale == 1 / 255 else f"{rules.rescale:g}"
    return [
        Fact(
            "pictures",
            f"{way} {size} ({rules.interpolation}){cut}",
            "flags" if is_resize_given else origin,
        ),
        Fact("levels", f"times {scale}", "--rescale" if overrides.rescale else origin),
        Fact("mean", _triple(rules.mean), "--mean" if overrides.mean else origin),
        Fact("std", _triple(rules.std), "--std" if overrides.std else origin),
    ]


def _triple(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)
