"""Token merging: patches whose keys are alike become one token, so that later blocks have fewer.

After Bolya et al., "Token Merging: Your ViT But Faster", ICLR 2023. In a block that merges r tokens,
the patches are dealt out to two sets in turns; every token of the first finds its most similar
partner in the second, by the cosine of their keys; the r most similar pairs become one token, the
mean of all patches in it. A token of s patches counts s times in later softmaxes, by log s beside
its scores. Prefix tokens are never merged.

The paper picks tokens by sorting and scattering. Here the choice is a matrix of zeros and ones,
made by comparisons and applied by a product: the same arithmetic in torch and in ONNX, for any
batch, and fast on a CPU, where these matrices are small.

B images, n patch tokens, m of them after merging, d width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from model.config import VisionTransformerConfig
from service.errors import InvalidInput


def membership(keys: Tensor, merged: int) -> Tensor:
    """Choose which tokens become one: [B, n - merged, n], 1 where token j goes into token i.

    `keys` [B, n, c] say how alike tokens are. At most half of them can be merged.
    """
    count = keys.shape[1]
    directions = functional.normalize(keys, dim=-1)
    similarity = directions[:, ::2] @ directions[:, 1::2].transpose(1, 2)  # [B, a, b]
    best, partner = similarity.max(dim=-1)  # [B, a]
    seat = places(best) - merged  # below 0: merged; from 0 on: the place that it keeps
    kept = (count + 1) // 2 - merged
    first = torch.where(seat < 0, partner + kept, seat)  # [B, a]
    second = torch.arange(kept, count - merged, device=keys.device).expand(keys.shape[0], -1)  # [B, b]
    targets = torch.cat([first, second], dim=1)[:, in_turns(count, keys.device)]  # [B, n]
    rows = torch.arange(count - merged, device=keys.device)[:, None]
    return (targets[:, None] == rows).to(keys.dtype)  # [B, n - merged, n]


def places(values: Tensor) -> Tensor:
    """Give every value's place, the greatest first; of equal ones the earlier: [B, a], from 0."""
    others, own = values[:, None], values[:, :, None]
    index = torch.arange(values.shape[1], device=values.device)
    is_earlier = index[None] < index[:, None]  # [a, a]
    return ((others > own) | ((others == own) & is_earlier)).to(torch.int64).sum(dim=-1)


def in_turns(count: int, device: torch.device) -> Tensor:
    """Give where each token lies when the even ones come first, then the odd ones: [n]."""
    index = torch.arange(count, device=device)
    return index // 2 + (index % 2) * ((count + 1) // 2)


@dataclass(frozen=True)
class Groups:
    """Which patches the tokens behind the prefix stand for."""

    sizes: Tensor  # patches in every token: [B, m]
    members: Tensor  # 1 where a patch, the column, is in a token, the row: [B, m, n]

    @classmethod
    def of_single_patches(cls, images: int, patches: int, like: Tensor) -> Groups:
        """Begin with a token for every patch."""
        members = torch.eye(patches, dtype=like.dtype, device=like.device)
        return cls(like.new_ones(images, patches), members.expand(images, -1, -1))

    def joined(self, chosen: Tensor) -> Groups:
        """Join groups as `membership` chose."""
        return Groups((chosen @ self.sizes[:, :, None])[..., 0], chosen @ self.members)

    def mean(self, tokens: Tensor, chosen: Tensor) -> Tensor:
        """Give the mean of the patches of tokens [B, m, d] that are joined as chosen."""
        weights = chosen * self.sizes[:, None]
        return (weights / weights.sum(dim=-1, keepdim=True)) @ tokens

    def at_patches(self, tokens: Tensor) -> Tensor:
        """Give every patch the token that stands for it: [B, n, d]."""
        return self.members.transpose(1, 2) @ tokens

    def emphasis(self, prefix: int) -> Tensor:
        """Give what scores gain by a key's patches, log s, 0 for the prefix: [B, 1, 1, N]."""
        return functional.pad(self.sizes.log(), (prefix, 0))[:, None, None]


def check_merging(merged: Sequence[int], config: VisionTransformerConfig) -> None:
    """Check that so many tokens can be merged in every block.

    Raises InvalidInput, naming all that is wrong.
    """
    wrong = []
    if len(merged) > config.depth:
        wrong.append(f"{len(merged)} numbers are given for {config.depth} blocks")
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
