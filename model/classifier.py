"""The lean forward pass: what `classify.onnx` computes, and nothing that no one reads.

The last block is computed for the tokens that are read out alone, so a model that reads its class
token spares most of that block: the logits are the same. With `merged`, tokens are merged on the
way (`token_merging.py`): the logits are others, and close.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from model.pooling import ALL, rows_read_out
from model.token_merging import Groups, merge
from model.vit import Block, VisionTransformer, attention_scores, merge_heads, split_heads


def attended(
    block: Block, tokens: Tensor, rows: slice, emphasis: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Give some rows of the tokens [B, R, d] after a block's attention, and all keys [B, N, d].

    `emphasis` [B, 1, 1, N] is added to the scores of each key.
    """
    query, key, value = (
        split_heads(part, block.attn.heads)
        for part in block.attn.qkv(block.norm1(tokens)).chunk(3, -1)
    )
    scores = attention_scores(query[:, :, rows], key)  # [B, H, R, N]
    if emphasis is not None:
        scores = scores + emphasis
    context = scores.softmax(dim=-1) @ value  # [B, H, R, d/H]
    projection = block.attn.proj(merge_heads(context))
    return tokens[:, rows] + block.ls1(projection), merge_heads(key)


class Classifier(nn.Module):
    """Gives logits and the readout behind them, by the shortest way."""

    def __init__(self, model: VisionTransformer, merged: Sequence[int] = ()) -> None:
        """Merge `merged` tokens in each block, from the first on."""
        super().__init__()
        self.model = model
        self.merged = (*merged, *[0] * (model.config.depth - len(merged)))

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        """Give logits [B, C] and the readout that the head reads, [B, d] or [B, 2d]."""
        readout = self.readout(pixel_values)
        return self.model.head(readout), readout

    def readout(self, pixel_values: Tensor) -> Tensor:
        """Give what the head reads."""
        model, prefix = self.model, self.model.config.prefix_tokens
        tokens = model.norm_pre(model.embed(model.patch_embed(pixel_values)))
        groups: Groups | None = None
        for block, merged, rows in zip(model.blocks, self.merged, self._rows(), strict=True):
            assert isinstance(block, Block)
            emphasis = groups.emphasis(prefix) if groups else None
            tokens, keys = attended(block, tokens, rows, emphasis)
            if merged:
                patches, groups = merge(tokens[:, prefix:], groups, keys[:, prefix:], merged)
                tokens = torch.cat([tokens[:, :prefix], patches], dim=1)
            tokens = tokens + block.ls2(block.mlp(block.norm2(tokens)))  # [B, N or R, d]
        if groups and not self._reads_prefix:
            patches = groups.at_patches(tokens[:, prefix:])
            tokens = torch.cat([tokens[:, :prefix], patches], dim=1)
        return model.read_out(tokens)

    @property
    def _reads_prefix(self) -> bool:
        """Whether the first tokens alone are read out, and no patch."""
        return rows_read_out(self.model).stop is not None

    def _rows(self) -> list[slice]:
        """Say which tokens each block is computed for."""
        last = rows_read_out(self.model) if self._reads_prefix else ALL
        return [*[ALL] * (self.model.config.depth - 1), last]
