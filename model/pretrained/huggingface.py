"""Reads ViT, DeiT and DINOv2 as the library transformers saves them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from model.config import VisionTransformerConfig
from model.pretrained.architecture import Architecture
from model.pretrained.facts import Fact
from model.pretrained.huggingface_tensors import (
    DINOV2_LAYER,
    RENAMED_LAYER,
    VIT_LAYER,
    Layout,
    expected_tensors,
    joined,
)
from model.pretrained.mlp_ratio import ratio_of
from model.pretrained.refusals import (
    MODEL_TYPES,
    PLAIN,
    SWIGLU,
    check_served,
    refused_activation,
)
from model.pretrained.tensors import take
from service.architecture import Pooling
from service.errors import ErrorDetail, InvalidInput

MOST = 20_000  # of layers, heads or features: far above any model, and soon checked against it
USUAL_CLASSES = 2  # transformers', where nothing tells
IGNORED = (r"(^|\.)pooler\.", r"mask_token$", r"^decoder\.", r"position_ids$")


@dataclass(frozen=True)
class Family:
    """What the models of one `model_type` have in common; the defaults are transformers'."""

    epsilon: float
    patch_size: int
    layer: Mapping[str, str]
    is_dinov2: bool = False
    has_registers: bool = False
    has_distillation_token: bool = False


FAMILIES: dict[str, Family] = {
    "vit": Family(1e-12, 16, VIT_LAYER),
    "deit": Family(1e-12, 16, VIT_LAYER, has_distillation_token=True),
    "dinov2": Family(1e-6, 14, DINOV2_LAYER, is_dinov2=True),
    "dinov2_with_registers": Family(1e-6, 16, DINOV2_LAYER, is_dinov2=True, has_registers=True),
}


def read_huggingface(
    config: Mapping[str, Any], tensors: Mapping[str, Tensor], where: str
) -> Architecture:
    """Read a model by its `config.json`; a head is taken where there is one.

    Raises InvalidInput with everything that is wrong with the config, or with the tensors.
    """
    kind = str(config.get("model_type"))
    family = FAMILIES.get(kind)
    if family is None:
        reason = MODEL_TYPES.get(kind, PLAIN)
        raise InvalidInput(
            f"{where} is of model_type {kind!r}, which cannot be served: {reason}; "
            f"give one of {', '.join(FAMILIES)}"
        )
    check_served(f"config.json of {where} cannot be served", _problems(config, family))
    return _read(config, kind, family, tensors, where)


def _read(
    config: Mapping[str, Any],
    kind: str,
    family: Family,
    tensors: Mapping[str, Tensor],
    where: str,
) -> Architecture:
    heads = _heads(config, tensors)
    shape = _shape(config, family, heads, tensors)
    layout = _layout(config, kind, heads, tensors)
    taken = take(tensors, expected_tensors(shape, layout), IGNORED, where)
    architectures = config.get("architectures")
    named = str(architectures[0]) if isinstance(architectures, list) and architectures else kind
    facts = [
        Fact("library", f"transformers, {named}", "config.json"),
        Fact("heads", str(shape.heads), "config.json"),
    ]
    if kind == "deit" and len(heads) < 2:
        facts.append(Fact("distillation token", "kept as a register; its head is not read", named))
    return Architecture(
        named,
        shape,
        joined(taken, shape.depth),
        has_head=bool(heads),
        antialias=family.has_registers,
        follows_pictures=family.is_dinov2,
        facts=tuple(facts),
    )


def _problems(config: Mapping[str, Any], family: Family) -> Iterator[ErrorDetail]:
    sizes = ("hidden_size", "num_hidden_layers", "num_attention_heads", "num_channels")
    for name in (*sizes, "intermediate_size", "num_register_tokens"):
        value = config.get(name, 1)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST:
            yield ErrorDetail(name, f"expected a number from 1 to {MOST:,}, got {value!r}")
    for name in ("layer_norm_eps", "mlp_ratio", "layerscale_value"):
        value = config.get(name, 1.0)
        if not isinstance(value, int | float) or not 0 < value < 1000:
            yield ErrorDetail(name, f"expected a number above 0, got {value!r}")
    if config.get("num_channels", 3) != 3:
        yield ErrorDetail("num_channels", f"expected 3, got {config['num_channels']!r}")
    for name in ("image_size", "patch_size"):
        if name in config and _edges(config[name]) is None:
            yield ErrorDetail(name, f"expected a number or two, got {config[name]!r}")
    patch = _edges(config.get("patch_size", family.patch_size))
    if patch and patch[0] != patch[1]:
        yield ErrorDetail("patch_size", f"expected square patches, got {patch[0]} x {patch[1]}")
    if reason := refused_activation(config.get("hidden_act", "gelu")):
        yield ErrorDetail("hidden_act", reason)
    if config.get("use_swiglu_ffn"):
        yield ErrorDetail("use_swiglu_ffn", SWIGLU)


def _edges(value: object) -> tuple[int, int] | None:
    """Give (rows, columns) of a size that is one number or two; None for all else."""
    edges = (value, value) if isinstance(value, int) else value
    if not isinstance(edges, list | tuple) or len(edges) != 2:
        return None
    return (
        (edges[0], edges[1]) if all(isinstance(edge, int) and edge > 0 for edge in edges) else None
    )


def _heads(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Give the names of the heads that are there or ought to be, from Vitrine's to the source's."""
    if "cls_classifier.weight" in tensors or "distillation_classifier.weight" in tensors:
        return {"head": "cls_classifier", "head_dist": "distillation_classifier"}
    promised = "ForImageClassification" in str(config.get("architectures"))
    return {"head": "classifier"} if promised or "classifier.weight" in tensors else {}


def _shape(
    config: Mapping[str, Any],
    family: Family,
    heads: Mapping[str, str],
    tensors: Mapping[str, Tensor],
) -> VisionTransformerConfig:
    width = config.get("hidden_size", 768)
    hidden = config.get("intermediate_size", 3072)
    if family.is_dinov2:
        hidden = int(width * config.get("mlp_ratio", 4))
    registers = config.get("num_register_tokens", 4) if family.has_registers else 0
    patch = _edges(config.get("patch_size", family.patch_size)) or (0, 0)
    first = tensors.get(f"{heads['head']}.weight") if heads else None
    try:
        return VisionTransformerConfig(
            image_size=_edges(config.get("image_size", 224)) or (0, 0),
            patch_size=patch[0],
            width=width,
            depth=config.get("num_hidden_layers", 12),
            heads=config.get("num_attention_heads", 12),
            mlp_ratio=ratio_of(hidden, width),
            classes=_classes(config, first) if heads else 1,
            registers=registers + int(family.has_distillation_token),
            layer_scale=float(config.get("layerscale_value", 1.0)) if family.is_dinov2 else None,
            pooling=_pooling(family, heads),
            norm_epsilon=float(config.get("layer_norm_eps", family.epsilon)),
        )
    except ValueError as error:
        raise InvalidInput(f"config.json does not describe a ViT that can be: {error}") from None


def _classes(config: Mapping[str, Any], head: Tensor | None) -> int:
    if head is not None and head.ndim == 2:
        return len(head)
    labels = config.get("id2label")
    return len(labels) if isinstance(labels, dict) and labels else USUAL_CLASSES


def _pooling(family: Family, heads: Mapping[str, str]) -> Pooling:
    if family.is_dinov2:
        return "class_token_and_mean"
    return "class_and_distillation_token" if len(heads) == 2 else "class_token"


def _layout(
    config: Mapping[str, Any], kind: str, heads: Mapping[str, str], tensors: Mapping[str, Tensor]
) -> Layout:
    family = FAMILIES[kind]
    prefix = "" if "embeddings.cls_token" in tensors else f"{kind}."
    is_renamed = any(name.startswith(f"{prefix}layers.") for name in tensors)
    return Layout(
        prefix,
        "layers" if is_renamed else "encoder.layer",
        {**family.layer, **RENAMED_LAYER} if is_renamed else family.layer,
        family.has_distillation_token,
        family.has_registers,
        bool(config.get("qkv_bias", True)),
        heads,
    )
