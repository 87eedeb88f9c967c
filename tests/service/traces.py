"""Reads traces, and gives what torch makes of the same picture."""

from __future__ import annotations

import json
from typing import Any

import httpx
import numpy as np
import torch
from safetensors.numpy import load

from model.vit import VisionTransformer
from service.trace.tensors import TENSORS

Arrays = dict[str, np.ndarray]
OF_LAYER = (
    "tokens", "norm1", "merged", "projection", "attended", "norm2", "hidden", "activation",
    "feed_forward", "output",
)  # fmt: skip
OF_HEAD = ("query", "key", "value", "scores", "attention", "context")
NORMS = ("norm_pre", "norm", "fc_norm")  # of the whole model, some of which it has not
RENAMED = {  # parameters: as a trace calls them, and as checkpoints do
    "patch_embed_weight": "patch_embed.proj.weight",
    "patch_embed_bias": "patch_embed.proj.bias",
    **{f"{norm}_{kind}": f"{norm}.{kind}" for norm in NORMS for kind in ("weight", "bias")},
    "head_weight": "head.weight",
    "head_bias": "head.bias",
}
RENAMED_OF_LAYER = {
    **{f"norm{n}_{kind}": f"norm{n}.{kind}" for n in (1, 2) for kind in ("weight", "bias")},
    **{f"proj_{kind}": f"attn.proj.{kind}" for kind in ("weight", "bias")},
    **{f"fc{n}_{kind}": f"mlp.fc{n}.{kind}" for n in (1, 2) for kind in ("weight", "bias")},
    **{f"ls{n}_gamma": f"ls{n}.gamma" for n in (1, 2)},
}


def read(response: httpx.Response) -> tuple[Arrays, dict[str, Any]]:
    """Give the tensors of a trace as they came, and its metadata, read where it is JSON."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-safetensors"
    size = int.from_bytes(response.content[:8], "little")
    metadata = json.loads(response.content[8 : 8 + size])["__metadata__"]
    plain = {name: metadata.pop(name) for name in ("format", "precision")}
    told = {name: json.loads(value) for name, value in metadata.items()}
    return load(response.content), {**told, **plain}


def everything_of(model: VisionTransformer) -> list[str]:
    """Name every tensor that a model has."""
    config, state = model.config, model.state_dict()
    absent = {name for name in ("cls_token", "reg_token") if name not in state}
    absent |= {f"{norm}_{kind}" for norm in NORMS for kind in ("weight", "bias")} - {
        name for name in RENAMED if RENAMED[name] in state
    }
    absent |= {"norm" if config.norm_after_pooling else "pooled"}
    absent |= {"ls1_gamma", "ls2_gamma"} if config.layer_scale is None else set()
    return [name for name in TENSORS if name not in absent]


def by_torch(model: VisionTransformer, pixel_values: np.ndarray) -> Arrays:
    """Compute every tensor of a trace, but the pixels, with the model's own explicit path."""
    with torch.inference_mode():
        steps = model.steps(torch.from_numpy(pixel_values)[None])
        layer_logits = [model.head(model.read_out(b.output)) for b in steps.blocks]
    state, prefix = model.state_dict(), model.config.prefix_tokens
    last = "pooled" if model.config.norm_after_pooling else "norm"
    found: dict[str, torch.Tensor] = {
        "pixel_values": torch.from_numpy(pixel_values),
        **{
            name: getattr(steps, name)[0]
            for name in ("patches", "patch_embeddings", "embedded", last, "readout", "logits")
        },
        "probabilities": steps.logits[0].softmax(dim=-1),
        "layer_logits": torch.cat(layer_logits),
        "token_norms": torch.cat([block.output.norm(dim=-1) for block in steps.blocks]),
        **{name: state[full] for name, full in RENAMED.items() if full in state},
        "patch_embed_weight": state["patch_embed.proj.weight"].flatten(1),
        **{
            name: state[name][0]
            for name in ("cls_token", "pos_embed", "reg_token")
            if name in state
        },
    }
    to_patches = torch.cat([block.attention for block in steps.blocks])[..., prefix:]
    first, second, mean = *to_patches.unbind(dim=2)[:2], to_patches[:, :, prefix:].mean(dim=2)
    found["readout_attention"] = {
        "class_token": first,
        "mean": mean,
        "class_token_and_mean": (first + mean) / 2,
        "class_and_distillation_token": (first + second) / 2,
    }[model.config.pooling]
    for index, block in enumerate(steps.blocks):
        of_layer = {name: getattr(block, name)[0] for name in OF_LAYER}
        for name, full in RENAMED_OF_LAYER.items():
            if f"blocks.{index}.{full}" in state:
                of_layer[name] = state[f"blocks.{index}.{full}"]
        found |= {f"layers.{index}.{name}": value for name, value in of_layer.items()}
        for head in range(model.config.heads):
            of_head = {name: getattr(block, name)[0, head] for name in OF_HEAD}
            for kind in ("weight", "bias"):
                joint = state[f"blocks.{index}.attn.qkv.{kind}"]
                for name, part in zip(("query", "key", "value"), joint.chunk(3), strict=True):
                    of_head[f"{name}_{kind}"] = part.chunk(model.config.heads)[head]
            where = f"layers.{index}.heads.{head}"
            found |= {f"{where}.{name}": value for name, value in of_head.items()}
    return {name: value.numpy() for name, value in found.items()}


def values_of(tensors: Arrays, metadata: dict[str, Any]) -> Arrays:
    """Give the numbers that levels stand for."""
    how = metadata["quantization"]
    return {
        name: np.float32(how[name]["minimum"] + how[name]["scale"] * value.astype(np.float64))
        if name in how
        else value
        for name, value in tensors.items()
    }
