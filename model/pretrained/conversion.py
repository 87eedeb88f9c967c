"""From a public model's files to Vitrine's own checkpoint: puts this folder's other files together.

    find_source -> read_weights -> read_huggingface or read_timm -> preprocessing -> labels

Nothing is written here; `export.py` writes a bundle as a whole or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from model.checkpoint import Checkpoint
from model.pretrained.architecture import Architecture
from model.pretrained.facts import Fact
from model.pretrained.huggingface import read_huggingface
from model.pretrained.labels import Labels, choose_labels
from model.pretrained.overrides import AS_TOLD, Overrides
from model.pretrained.preprocessing import (
    Prepared,
    huggingface_preprocessing,
    preprocessing_facts,
    timm_preprocessing,
)
from model.pretrained.public_model import PublicModel
from model.pretrained.refusals import refused_tensor
from model.pretrained.source import CONFIG_FILE, Source, find_source
from model.pretrained.timm import (
    has_timm_names,
    is_timm,
    named_by_config,
    read_timm,
    transform_of,
)
from model.pretrained.weights_file import ReadWeights, read_weights
from model.provenance import command, commit
from model.vit import VisionTransformer
from service.errors import InvalidInput

LONGEST_NAME = 64
LABELS_SHOWN = 4


def read_public_model(source: str, overrides: Overrides = AS_TOLD) -> PublicModel:
    """Read a public ViT: a folder, a file of weights, or a name on the Hugging Face Hub.

    A model without a head of classes is read too; see `PublicModel.has_head`. Raises InvalidInput
    where there is no such source, it cannot be served, or its files are broken.
    """
    found = find_source(source)
    weights = read_weights(found.weights)
    architecture, prepared = _read(found, weights.tensors, overrides)
    try:
        shape, tensors = architecture.at(prepared.rules.crop)
    except ValueError as error:
        raise InvalidInput(f"image size {prepared.rules.crop} cannot be: {error}") from None
    labels = _labels(found, architecture, overrides) if architecture.has_head else None
    warnings = [*architecture.warnings, *prepared.warnings, *(labels.warnings if labels else ())]
    return PublicModel(
        shape,
        tensors,
        architecture.has_head,
        prepared.rules.model_dump(),
        labels.names if labels else None,
        tuple(_facts(found, weights, architecture, prepared, labels, overrides)),
        tuple(warnings),
        _provenance(found, architecture),
    )


def public_checkpoint(public: PublicModel) -> Checkpoint:
    """Give the checkpoint that is exported. Raises InvalidInput where the model has no head."""
    if public.labels is None:
        raise InvalidInput(
            f"{public.provenance['origin']['source']} has no head of classes: it is a backbone, "
            "and says nothing about a picture by itself; train a head on your pictures with "
            "'vitrine-model train --init SOURCE --data PICTURES'"
        )
    return _checkpoint(public)


def read_checkpoint(source: str, overrides: Overrides = AS_TOLD) -> Checkpoint:
    """Read a public ViT to train it further: without a head it has no labels, and a head of zeros.

    Raises what `read_public_model` raises.
    """
    return _checkpoint(read_public_model(source, overrides))


def _checkpoint(public: PublicModel) -> Checkpoint:
    model = VisionTransformer(public.shape)
    weights = dict(public.weights)
    if not public.has_head:
        weights |= {name: torch.zeros_like(value) for name, value in _head_of(model).items()}
    model.load_state_dict(weights)
    return Checkpoint(model.eval(), public.labels or (), public.preprocessing, public.provenance)


def _head_of(model: VisionTransformer) -> dict[str, Tensor]:
    return {f"head.{name}": value for name, value in model.head.state_dict().items()}


def bundle_name(source: str) -> str:
    """Make a bundle's name of a source's: lower case, and no signs but . _ and -."""
    last = re.sub(r"@.*$", "", source.rstrip("/").rpartition("/")[2])
    last = re.sub(r"\.(safetensors|bin|pth|pt|ckpt|tar)$", "", last)
    name = re.sub(r"[^a-z0-9._-]+", "-", last.lower()).strip("._-")
    return name[:LONGEST_NAME] or "model"


def _read(
    source: Source, tensors: Mapping[str, Tensor], overrides: Overrides
) -> tuple[Architecture, Prepared]:
    where, config = source.weights_names, source.config
    if overrides.architecture or is_timm(config):
        named = named_by_config(config if is_timm(config) else {}, overrides.architecture)
    elif config.get("model_type"):
        architecture = read_huggingface(config, tensors, where)
        if overrides.heads is not None:
            raise InvalidInput(f"--heads {overrides.heads}: {CONFIG_FILE} tells the heads already")
        return architecture, huggingface_preprocessing(source, architecture, overrides)
    elif has_timm_names(tensors):
        named = named_by_config({}, None)
    else:
        raise InvalidInput(_not_known(where, tensors))
    architecture = read_timm(named, tensors, overrides.heads, where)
    return architecture, timm_preprocessing(source, named, architecture, overrides)


def _not_known(where: str, tensors: Mapping[str, Tensor]) -> str:
    if reason := refused_tensor(tensors):
        return f"{where} cannot be served: {reason}"
    there = ", ".join(sorted(tensors)[:8])
    if any("embeddings.patch_embeddings" in name for name in tensors):
        return f"{where} was saved by transformers; put its {CONFIG_FILE} beside it"
    return (
        f"{where} holds {len(tensors)} tensors ({there}), and no {CONFIG_FILE} beside it tells "
        "what they are; give the whole folder of the model"
    )


def _labels(source: Source, architecture: Architecture, overrides: Overrides) -> Labels:
    config, told = source.config, source.config.get("id2label")
    if told is None:
        inner = transform_of(config)
        told = config.get("label_names") or inner.get("label_names") or inner.get("labels")
        descriptions = config.get("label_descriptions")
        if isinstance(descriptions, Mapping) and isinstance(told, list):
            told = [descriptions.get(str(name), name) for name in told]
    return choose_labels(told, CONFIG_FILE, architecture.shape.classes, overrides.labels)


def _facts(
    source: Source,
    weights: ReadWeights,
    architecture: Architecture,
    prepared: Prepared,
    labels: Labels | None,
    overrides: Overrides,
) -> list[Fact]:
    shape, file = architecture.shape, source.weights_names
    nest = f", under {weights.nest!r}" if weights.nest else ""
    seen = prepared.rules.crop
    facts = [
        Fact("source", source.name, source.licence or "no licence told"),
        Fact("weights", f"{file}, {' and '.join(weights.number_formats)}{nest}", source.digest),
        *architecture.facts,
        Fact(
            "shape",
            f"patches of {shape.patch_size}, width {shape.width}, {shape.depth} blocks, "
            f"{shape.registers} registers, reads {shape.pooling}, epsilon {shape.norm_epsilon:g}",
            f"{CONFIG_FILE} and tensors" if source.config else "tensors",
        ),
        Fact(
            "image size",
            f"{seen[0]} x {seen[1]}",
            "--image-size" if overrides.image_size else prepared.origin,
        ),
    ]
    if seen != shape.image_size:
        kind = "with" if architecture.antialias else "without"
        trained = f"{shape.image_size[0]} x {shape.image_size[1]}"
        resized = f"resized from those of {trained} (bicubic, {kind} antialias)"
        facts.append(Fact("positions", resized, "as the library does"))
    facts += preprocessing_facts(prepared, overrides)
    if labels:
        names = labels.names
        shown = ", ".join(names[:LABELS_SHOWN]) + (", ..." if len(names) > LABELS_SHOWN else "")
        facts.append(Fact("labels", f"{len(names)}: {shown}", labels.origin))
    return facts


def _provenance(source: Source, architecture: Architecture) -> dict[str, Any]:
    return {
        "dataset": source.datasets or "not told by the source",
        "recipe": "as its authors published it",
        "command": command(),
        "seed": None,
        "commit": commit(),
        "origin": {
            "source": source.name,
            "weights": source.weights_names,
            "digest": source.digest,
            "architecture": architecture.name,
            "licence": source.licence,
        },
    }
