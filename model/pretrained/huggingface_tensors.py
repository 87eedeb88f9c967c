"""The tensors of a checkpoint that transformers saved, by the names in its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from model.config import VisionTransformerConfig
from model.pretrained.tensors import Expected

MIXING = ("attn.query", "attn.key", "attn.value")
VIT_LAYER = {
    "norm1": "layernorm_before",
    "attn.query": "attention.attention.query",
    "attn.key": "attention.attention.key",
    "attn.value": "attention.attention.value",
    "attn.proj": "attention.output.dense",
    "norm2": "layernorm_after",
    "mlp.fc1": "intermediate.dense",
    "mlp.fc2": "output.dense",
}
DINOV2_LAYER = {
    **VIT_LAYER,
    "norm1": "norm1",
    "norm2": "norm2",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}
RENAMED_LAYER = {  # what transformers 5 calls them in memory
    "attn.query": "attention.q_proj",
    "attn.key": "attention.k_proj",
    "attn.value": "attention.v_proj",
    "attn.proj": "attention.o_proj",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}


@dataclass(frozen=True)
class Layout:
    """Where the tensors of one checkpoint lie, and which of those that not all have it has."""

    prefix: str
    blocks: str
    layer: Mapping[str, str]
    distillation_token: bool
    registers: bool
    qkv_bias: bool
    heads: Mapping[str, str]  # from Vitrine's names to the source's


def expected_tensors(shape: VisionTransformerConfig, layout: Layout) -> dict[str, Expected]:
    """List the tensors that a checkpoint of this shape has."""
    width, embeddings = shape.width, f"{layout.prefix}embeddings."
    patch = (width, shape.channels, shape.patch_size, shape.patch_size)
    positions = 1 + int(layout.distillation_token) + shape.patches
    found = {
        f"{embeddings}cls_token": Expected("cls_token", (1, 1, width)),
        f"{embeddings}position_embeddings": Expected("pos_embed", (1, positions, width)),
        **_affine(f"{embeddings}patch_embeddings.projection", "patch_embed.proj", patch),
        **_affine(f"{layout.prefix}layernorm", "norm", (width,)),
    }
    if layout.distillation_token:
        found[f"{embeddings}distillation_token"] = Expected("dist_token", (1, 1, width))
    if layout.registers:
        found[f"{embeddings}register_tokens"] = Expected("reg_token", (1, shape.registers, width))
    for index in range(shape.depth):
        found |= _block(f"{layout.prefix}{layout.blocks}.{index}.", index, shape, layout)
    read = 2 * width if shape.pooling == "class_token_and_mean" else width
    for name, source in layout.heads.items():
        found |= _affine(source, name, (shape.classes, read))
    return found


def _block(
    start: str, index: int, shape: VisionTransformerConfig, layout: Layout
) -> dict[str, Expected]:
    width, hidden = shape.width, int(shape.width * shape.mlp_ratio)
    sizes = {"mlp.fc1": (hidden, width), "mlp.fc2": (width, hidden)}
    found: dict[str, Expected] = {}
    for ours, theirs in layout.layer.items():
        usual = (width,) if ours.startswith("norm") else (width, width)
        both = _affine(start + theirs, f"blocks.{index}.{ours}", sizes.get(ours, usual))
        if ours in MIXING and not layout.qkv_bias:
            del both[f"{start}{theirs}.bias"]
        found |= both
    if shape.layer_scale is not None:
        for number in (1, 2):
            gamma = Expected(f"blocks.{index}.ls{number}.gamma", (width,))
            found[f"{start}layer_scale{number}.lambda1"] = gamma
    return found


def _affine(source: str, name: str, sizes: tuple[int, ...]) -> dict[str, Expected]:
    return {
        f"{source}.weight": Expected(f"{name}.weight", sizes),
        f"{source}.bias": Expected(f"{name}.bias", sizes[:1]),
    }


def joined(taken: Mapping[str, Tensor], depth: int) -> dict[str, Tensor]:
    """Join queries, keys and values of every block to the one map of public checkpoints."""
    tensors = dict(taken)
    for index in range(depth):
        for form in ("weight", "bias"):
            names = [f"blocks.{index}.{part}.{form}" for part in MIXING]
            if names[0] in tensors:
                mixing = torch.cat([tensors.pop(name) for name in names])
                tensors[f"blocks.{index}.attn.qkv.{form}"] = mixing
    return tensors
