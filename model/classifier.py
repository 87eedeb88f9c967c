"""The lean forward pass: what `classify.onnx` computes, and nothing that no one reads.

The last block is computed for the tokens that are read out alone, so a model that reads its class
token spares most of that block: the logits are the same. With `merged`, tokens are merged on the
way (`token_merging.py`): the logits are others, and close.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from model.explain import ALL, rows_read_out
from model.token_merging import Groups, merge
from model.vit import Block, VisionTransformer, attention_scores, merge_heads, split_heads


class Classifier(nn.Module):
    """Gives logits and the readout behind them, by the shortest way."""

    def __init__(self, model: VisionTransformer, merged: Sequence[int] = ()) -> None:
        """Merge `merged` tokens in each block, from the first on."""
        super().__init__()
        self.model = model
        self.merged = (*merged, *[0] * (model.config.depth - len(merged)))

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        """Give logits [B, C] and the readout [B, d] that the head reads."""
        readout = self.readout(pixel_values)
        return self.model.head(readout), readout

    def readout(self, pixel_values: Tensor) -> Tensor:
        """Give what the head reads: [B, d]."""
        model, prefix = self.model, self.model.config.prefix_tokens
        tokens = model.embed(model.patch_embed(pixel_values))
        groups: Groups | None = None
        for block, merged, rows in zip(model.blocks, self.merged, self._rows(), strict=True):
            assert isinstance(block, Block)
            norm1 = block.norm1(tokens)
            query, key, value = (
                split_heads(part, block.attn.heads) for part in block.attn.qkv(norm1).chunk(3, -1)
            )
            scores = attention_scores(query[:, :, rows], key)  # [B, H, R, N]
            if groups is not None:
                scores = scores + groups.emphasis(prefix)
            context = scores.softmax(dim=-1) @ value  # [B, H, R, d/H]
            tokens = tokens[:, rows] + block.ls1(block.attn.proj(merge_heads(context)))
            if merged:
                patches, keys = tokens[:, prefix:], merge_heads(key)[:, prefix:]
                groups = groups or Groups.of_single_patches(patches)
                patches, groups = merge(patches, groups, keys, merged)
                tokens = torch.cat([tokens[:, :prefix], patches], dim=1)
            tokens = tokens + block.ls2(block.mlp(block.norm2(tokens)))  # [B, N or R, d]
        if groups is not None and not self._reads_prefix:
            patches = groups.at_patches(tokens[:, prefix:])
            tokens = torch.cat([tokens[:, :prefix], patches], dim=1)
        return model.readout(model.norm(tokens))

    @property
    def _reads_prefix(self) -> bool:
        """Whether no patch is read out."""
        rows = rows_read_out(self.model)
        return rows != ALL and rows.start == 0

    def _rows(self) -> list[slice]:
        """Say which tokens each block is computed for."""
        last = rows_read_out(self.model) if self._reads_prefix else ALL
        return [*[ALL] * (self.model.config.depth - 1), last]
