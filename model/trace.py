"""What one picture becomes on its way through the model, value by value: `trace.onnx`.

The values are those of `VisionTransformer.steps`, under the same names. The layer whose values are
given is chosen at each run, and chosen while walking, so that memory holds one layer's values and
not all of them.

B images, n patches, N tokens, d width, H heads, L blocks, C classes.
"""

from __future__ import annotations

from dataclasses import fields

import torch
from torch import Tensor, nn

from model.pooling import readout_share
from model.vit import Block, BlockSteps, VisionTransformer, patchify

LAYER_TENSORS = tuple(field.name for field in fields(BlockSteps))


def of_asked_layer(layer: Tensor, index: int, value: Tensor, kept: Tensor) -> Tensor:
    """Take what block `index` gave for the images that ask for it by `layer` [B]."""
    is_asked = (layer == index).reshape(-1, *[1] * (value.ndim - 1))
    return torch.where(is_asked, value, kept)


def readout_attention(model: VisionTransformer, attention: Tensor) -> Tensor:
    """Give what is read out attends to in the patches: [B, H, n], of attention [B, H, N, N].

    That is the row of the class token, the mean of the patches' rows, or the mean of two such.
    """
    return (readout_share(model) @ attention)[..., model.config.prefix_tokens :]


class Tracer(nn.Module):
    """The explicit forward pass, with the values of one layer: `trace.onnx`."""

    def __init__(self, model: VisionTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: Tensor, layer: Tensor) -> tuple[Tensor, ...]:
        """Give the outputs that `graphs.py` names, in its order.

        `pixel_values` [B, c, S, S]; `layer` [B] says which block's values are given, from 0.
        """
        model = self.model
        patches = patchify(pixel_values, model.config.patch_size)
        patch_embeddings = model.patch_embed.steps(patches)
        embedded = model.embed(patch_embeddings)
        kept: dict[str, Tensor] = {}
        attentions, logits, norms = [], [], []
        tokens = model.norm_pre(embedded)
        for index, block in enumerate(model.blocks):
            assert isinstance(block, Block)
            steps = block.steps(tokens)
            for name in LAYER_TENSORS:
                value = getattr(steps, name)
                kept[name] = of_asked_layer(layer, index, value, kept.get(name, value))
            tokens = steps.output
            norm = model.norm(tokens)
            pooled = model.pool(norm)
            readout = model.fc_norm(pooled)
            attentions.append(readout_attention(model, steps.attention))
            logits.append(model.head(readout))
            norms.append(tokens.norm(dim=-1))
        return (
            patches,
            patch_embeddings,
            embedded,
            pooled if model.config.norm_after_pooling else norm,
            readout,
            logits[-1],
            torch.stack(attentions, dim=1),  # [B, L, H, n]
            torch.stack(logits, dim=1),  # [B, L, C]
            torch.stack(norms, dim=1),  # [B, L, N]
            *(kept[name] for name in LAYER_TENSORS),
        )
