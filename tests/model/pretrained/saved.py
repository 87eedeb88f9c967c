"""Small random models of every family, saved by transformers itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn

SIDE, PATCH, WIDTH, DEPTH, HEADS, CLASSES = 32, 8, 24, 2, 2, 5
LABELS = ("ant", "bee", "cat", "dog", "eel")


@dataclass(frozen=True)
class Kind:
    """A class of transformers' and its configuration's, with what differs from the usual sizes."""

    model: str
    config: str
    changes: tuple[tuple[str, Any], ...] = ()


KINDS: dict[str, Kind] = {
    "ViT": Kind("ViTForImageClassification", "ViTConfig"),
    "ViT without qkv bias": Kind("ViTForImageClassification", "ViTConfig", (("qkv_bias", False),)),
    "DeiT": Kind("DeiTForImageClassification", "DeiTConfig"),
    "distilled DeiT": Kind("DeiTForImageClassificationWithTeacher", "DeiTConfig"),
    "DINOv2": Kind("Dinov2ForImageClassification", "Dinov2Config"),
    "DINOv2 with registers": Kind(
        "Dinov2WithRegistersForImageClassification",
        "Dinov2WithRegistersConfig",
        (("num_register_tokens", 3),),
    ),
}
BACKBONES: dict[str, Kind] = {
    "ViT": Kind("ViTModel", "ViTConfig"),
    "masked ViT": Kind("ViTForMaskedImageModeling", "ViTConfig"),
    "DeiT": Kind("DeiTModel", "DeiTConfig"),
    "DINOv2": Kind("Dinov2Model", "Dinov2Config"),
    "DINOv2 with registers": Kind("Dinov2WithRegistersBackbone", "Dinov2WithRegistersConfig"),
}


def made(kind: Kind, seed: int = 0, **changes: Any) -> transformers.PreTrainedModel:
    """Make a model with weights that do not vanish, in evaluation mode."""
    values: dict[str, Any] = {
        "hidden_size": WIDTH,
        "num_hidden_layers": DEPTH,
        "num_attention_heads": HEADS,
        "image_size": SIDE,
        "patch_size": PATCH,
        "id2label": dict(enumerate(LABELS)),
        "label2id": {label: index for index, label in enumerate(LABELS)},
        "layerscale_value": 0.5,
    }
    if not kind.config.startswith("Dinov2"):
        del values["layerscale_value"]
        values["intermediate_size"] = 40
    config = getattr(transformers, kind.config)(**{**values, **dict(kind.changes), **changes})
    model = getattr(transformers, kind.model)(config)
    randomize(model, seed)
    return model.eval()


def randomize(model: nn.Module, seed: int = 0) -> None:
    """Draw all parameters anew."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.25, generator=generator)


def saved(kind: Kind, folder: Path, **changes: Any) -> transformers.PreTrainedModel:
    """Save such a model into a folder, and give it."""
    model = made(kind, **changes)
    model.save_pretrained(folder)
    return model


def pixels(rows: int = SIDE, columns: int = SIDE, count: int = 3) -> torch.Tensor:
    """Give pixel values for the models."""
    return torch.randn(count, 3, rows, columns, generator=torch.Generator().manual_seed(1))
