"""Token merging: patches whose keys are alike become one token, so that later blocks have fewer.

After Bolya et al., "Token Merging: Your ViT But Faster", ICLR 2023. In a block that merges r
tokens, those behind the prefix are dealt out to two sets in turns; every token of the first finds
its most similar partner in the second, by their keys; the r most similar pairs become one token
each, the mean of all patches in it. A token of s patches counts s times in later softmaxes, by
log s beside its scores. Prefix tokens are never merged.

The paper gathers and scatters tokens. Here the choice is a matrix of zeros and ones, applied by a
product, and alike means correlated, where the paper takes the cosine: fewer operations for a CPU.

B images, n patches, m tokens for them, a of these in the first set and b in the second, d width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from model.config import VisionTransformerConfig
from service.errors import InvalidInput


@dataclass(frozen=True)
class Groups:
    """Which patches the tokens behind the prefix stand for."""

    sizes: Tensor  # patches in every token: [B, m]
    members: Tensor  # 1 where a patch, the column, is in a token, the row: [B, m, n]

    def at_patches(self, tokens: Tensor) -> Tensor:
        """Give every patch the token [B, m, d] that stands for it: [B, n, d]."""
        return self.members.transpose(1, 2) @ tokens

    def emphasis(self, prefix: int) -> Tensor:
        """Give what scores gain by a key's patches, log s, 0 for the prefix: [B, 1, 1, N]."""
        return functional.pad(self.sizes.log(), (prefix, 0))[:, None, None]


def merge(
    tokens: Tensor, groups: Groups | None, keys: Tensor, merged: int
) -> tuple[Tensor, Groups]:
    """Merge so many of the tokens [B, m, d] by their keys [B, m, c]; groups become larger.

    Without groups, every token is a single patch.
    """
    chosen = membership(keys, merged)  # [B, m - merged, m]
    counts = chosen * groups.sizes[:, None] if groups else chosen
    sizes = counts.sum(dim=-1)  # [B, m - merged]
    means = (counts / sizes[:, :, None]) @ tokens
    return means, Groups(sizes, chosen @ groups.members if groups else chosen)


def membership(keys: Tensor, merged: int) -> Tensor:
    """Choose which tokens become one: [B, m - merged, m], 1 where token j goes into token i.

    `keys` [B, m, c] say how alike tokens are. At most half of them can be merged.
    """
    count = keys.shape[1]
    directions = functional.layer_norm(keys, keys.shape[-1:])  # a product is a correlation times c
    similarity = directions[:, ::2] @ directions[:, 1::2].transpose(1, 2)  # [B, a, b]
    best, partner = similarity.max(dim=-1)  # [B, a]
    seat = places(best) - merged  # below 0: merged; from 0 on: the row that it keeps
    kept = seat.shape[1] - merged
    first = torch.where(seat < 0, partner + kept, seat)  # [B, a]
    second = torch.arange(kept, kept + seat.shape[1], device=keys.device).expand_as(first)
    targets = torch.stack([first, second], dim=-1).flatten(1)[:, :count]  # [B, m]
    rows = torch.arange(count - merged, device=keys.device)[:, None]
    return (targets[:, None] == rows).to(keys.dtype)


def places(values: Tensor) -> Tensor:
    """Give every value's place, from 0 for the greatest: [B, a]."""
    order = values.topk(values.shape[1], dim=1).indices
    numbers = torch.arange(values.shape[1], device=values.device).expand_as(order)
    return torch.zeros_like(order).scatter(1, order, numbers)


def check_merging(merged: Sequence[int], config: VisionTransformerConfig) -> None:
    """Check that so many tokens can be merged in every block but the last, which needs none.

    Raises InvalidInput, naming all that is wrong.
    """
    wrong = []
    if len(merged) >= config.depth:
        wrong.append(f"{len(merged)} numbers are given for the {config.depth - 1} before the last")
    left = config.patches
    for block, count in enumerate(merged):
        if not 0 <= count <= left // 2:
            wrong.append(
                f"block {block} cannot merge {count} of {left} patch tokens, {left // 2} at most"
            )
            break
        left -= count
    if not wrong and not any(merged):
        wrong.append("no block merges any token")
    if wrong:
        raise InvalidInput(
            f"merging {', '.join(map(str, merged)) or 'nothing'} does not fit: {'; '.join(wrong)}; "
            "give the tokens to merge in each block from the first on, as 0,24,0,16"
        )
