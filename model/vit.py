"""A plain pre-norm Vision Transformer that reads like the 25-step guide.

Read `VisionTransformer.steps` beside the guide: every step has its number, its name and its shape.
B images, n patches, N tokens, d width, H heads, d/H head width, L blocks, C classes.

Two paths compute the same numbers. `steps` is explicit and keeps every intermediate value;
`forward` is the fused one that training and the classify graph use. What only some public models
have, an identity stands for in the others: `norm_pre`, `fc_norm` and LayerScale.

Sources: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021; Vaswani et al., "Attention
Is All You Need", NeurIPS 2017. Parameter names are those of public ViT checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.config import VisionTransformerConfig
from model.share import WHOLE, Share


def patchify(images: Tensor, patch_size: int) -> Tensor:
    """Cut images [B, c, S, S] into flat patches [B, n, c p p], row by row from the top left."""
    batch, channels, height, width = images.shape
    rows, columns = height // patch_size, width // patch_size
    patches = images.reshape(batch, channels, rows, patch_size, columns, patch_size)
    patches = patches.permute(0, 2, 4, 1, 3, 5)  # [B, rows, columns, c, p, p]
    return patches.reshape(batch, rows * columns, channels * patch_size * patch_size)


def split_heads(features: Tensor, heads: int) -> Tensor:
    """Deal features [..., N, d] out to heads [..., H, N, d/H]."""
    head_width = features.shape[-1] // heads
    return features.reshape(*features.shape[:-1], heads, head_width).transpose(-3, -2)


def merge_heads(features: Tensor) -> Tensor:
    """Join the heads [..., H, N, d/H] side by side again: [..., N, d]."""
    return features.transpose(-3, -2).flatten(-2)


def attention_scores(query: Tensor, key: Tensor) -> Tensor:
    """Give the scaled dot product of every query with every key: [B, H, N, N]."""
    return query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Mix the values by attention: context [B, H, N, d/H].

    A GPU runs the fused kernel. On a CPU the plain products are faster for sequences of an image's
    length: forward and backward, 27 tokens of width 192, 458 images a second against 334.
    """
    if query.is_cuda:
        return functional.scaled_dot_product_attention(query, key, value)
    return attention_scores(query, key).softmax(dim=-1) @ value


@dataclass(frozen=True)
class BlockSteps:
    """Every named value of one block, in the order of the guide."""

    tokens: Tensor  # what enters: [B, N, d]
    norm1: Tensor  # step 8b: [B, N, d]
    query: Tensor  # step 9: [B, H, N, d/H]
    key: Tensor
    value: Tensor
    scores: Tensor  # step 10: [B, H, N, N]
    attention: Tensor  # step 11: [B, H, N, N]
    context: Tensor  # steps 12, 13, 14: [B, H, N, d/H]
    merged: Tensor  # step 15: [B, N, d]
    projection: Tensor  # step 16: [B, N, d]
    attended: Tensor  # steps 17, 18: [B, N, d]
    norm2: Tensor  # step 19b: [B, N, d]
    hidden: Tensor  # step 19: [B, N, 4d]
    activation: Tensor  # step 19: [B, N, 4d]
    feed_forward: Tensor  # step 19: [B, N, d]
    output: Tensor  # step 20: [B, N, d]


@dataclass(frozen=True)
class Steps:
    """Every named value of one forward pass, in the order of the guide."""

    patches: Tensor  # steps 2, 3: [B, n, c p p]
    patch_embeddings: Tensor  # steps 4, 5: [B, n, d]
    embedded: Tensor  # steps 6, 7, 8: [B, N, d]
    blocks: list[BlockSteps]  # steps 8b to 20, once per block: step 21
    norm: Tensor  # step 22b: [B, N, d]
    pooled: Tensor  # step 22: [B, d], or [B, 2d] where the head reads two tokens
    readout: Tensor  # what the head reads, normalised now if not before: as `pooled`
    logits: Tensor  # step 23: [B, C]


def layer_norm(config: VisionTransformerConfig) -> nn.LayerNorm:
    """Make a norm of every token's own features."""
    return nn.LayerNorm(config.width, eps=config.norm_epsilon)


def learned_tokens(count: int, width: int) -> nn.Parameter | None:
    """Make tokens that are the same for every image [1, count, d], or none."""
    return nn.Parameter(torch.zeros(1, count, width)) if count else None


class PatchEmbedding(nn.Module):
    """The linear map from a flat patch to a token, stored as public checkpoints store it."""

    def __init__(self, config: VisionTransformerConfig) -> None:
        super().__init__()
        size = config.patch_size
        self.proj = nn.Conv2d(config.channels, config.width, kernel_size=size, stride=size)

    def steps(self, patches: Tensor) -> Tensor:
        return functional.linear(patches, self.proj.weight.flatten(1), self.proj.bias)  # [B, n, d]

    def forward(self, images: Tensor) -> Tensor:
        return self.proj(images).flatten(2).transpose(1, 2)  # [B, n, d]


class Attention(nn.Module):
    """The parameters of multi-head self-attention and its fused computation."""

    def __init__(self, config: VisionTransformerConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.proj = nn.Linear(config.width, config.width)

    def forward(self, tokens: Tensor) -> Tensor:
        query, key, value = (
            split_heads(part, self.heads) for part in self.qkv(tokens).chunk(3, -1)
        )
        return self.proj(merge_heads(attend(query, key, value)))


class FeedForward(nn.Module):
    """Two linear maps with a non-linearity between them."""

    def __init__(self, config: VisionTransformerConfig) -> None:
        super().__init__()
        hidden = int(config.width * config.mlp_ratio)
        self.fc1 = nn.Linear(config.width, hidden)
        self.fc2 = nn.Linear(hidden, config.width)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(tokens)))


class LayerScale(nn.Module):
    """A learned factor for every feature."""

    def __init__(self, width: int, initial: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((width,), initial))

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens * self.gamma


class DropPath(nn.Module):
    """Leaves a residual branch out of whole images while training, and rescales the others."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.share = WHOLE

    def forward(self, branch: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return branch
        kept = self.share.uniform(len(branch), 1, 1, device=branch.device) >= self.rate
        return branch * kept.to(branch.dtype) / (1 - self.rate)


class Block(nn.Module):
    """One transformer layer: attention, then feed-forward, each behind a norm and a residual."""

    def __init__(self, config: VisionTransformerConfig, drop_path: float) -> None:
        super().__init__()
        self.norm1 = layer_norm(config)
        self.attn = Attention(config)
        self.norm2 = layer_norm(config)
        self.mlp = FeedForward(config)
        scaled = config.layer_scale is not None
        self.ls1 = LayerScale(config.width, config.layer_scale or 0.0) if scaled else nn.Identity()
        self.ls2 = LayerScale(config.width, config.layer_scale or 0.0) if scaled else nn.Identity()
        self.drop_path = DropPath(drop_path)

    def steps(self, tokens: Tensor) -> BlockSteps:
        """Compute one block value by value: steps 8b to 20."""
        heads = self.attn.heads
        norm1 = self.norm1(tokens)  # 8b                                        [B, N, d]
        query, key, value = (  # 9                                        3 x [B, H, N, d/H]
            split_heads(part, heads) for part in self.attn.qkv(norm1).chunk(3, dim=-1)
        )
        scores = attention_scores(query, key)  # 10                             [B, H, N, N]
        attention = scores.softmax(dim=-1)  # 11: each row sums to 1            [B, H, N, N]
        context = attention @ value  # 12, 13, 14                               [B, H, N, d/H]
        merged = merge_heads(context)  # 15                                     [B, N, d]
        projection = self.attn.proj(merged)  # 16                               [B, N, d]
        attended = tokens + self.ls1(projection)  # 17, 18                      [B, N, d]
        norm2 = self.norm2(attended)  # 19b                                     [B, N, d]
        hidden = self.mlp.fc1(norm2)  # 19                                      [B, N, 4d]
        activation = functional.gelu(hidden)  # 19                              [B, N, 4d]
        feed_forward = self.mlp.fc2(activation)  # 19                           [B, N, d]
        output = attended + self.ls2(feed_forward)  # 20                        [B, N, d]
        return BlockSteps(
            tokens=tokens,
            norm1=norm1,
            query=query,
            key=key,
            value=value,
            scores=scores,
            attention=attention,
            context=context,
            merged=merged,
            projection=projection,
            attended=attended,
            norm2=norm2,
            hidden=hidden,
            activation=activation,
            feed_forward=feed_forward,
            output=output,
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Compute the same block fused; drop path acts here alone."""
        tokens = tokens + self.drop_path(self.ls1(self.attn(self.norm1(tokens))))
        return tokens + self.drop_path(self.ls2(self.mlp(self.norm2(tokens))))


class VisionTransformer(nn.Module):
    """Classifies images [B, c, S, S]: logits [B, C]."""

    def __init__(self, config: VisionTransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.share = WHOLE
        width, depth = config.width, config.depth
        self.patch_embed = PatchEmbedding(config)
        self.cls_token = learned_tokens(int(config.class_token), width)
        self.reg_token = learned_tokens(config.registers, width)
        self.pos_embed = nn.Parameter(torch.zeros(1, config.tokens - config.registers, width))
        self.norm_pre = layer_norm(config) if config.pre_norm else nn.Identity()
        self.blocks = nn.ModuleList(
            Block(config, config.drop_path * index / max(depth - 1, 1)) for index in range(depth)
        )
        self.norm = nn.Identity() if config.norm_after_pooling else layer_norm(config)
        self.fc_norm = layer_norm(config) if config.norm_after_pooling else nn.Identity()
        self.head = nn.Linear(config.readout_width, config.classes)

    def steps(self, images: Tensor, keep: Tensor | None = None) -> Steps:
        """Follow the guide: compute every named value of a forward pass.

        `keep` [B, K] numbers the patches that take part, from 0 at the top left; the others are
        taken out of the sequence, so n is K from step 8 on. None keeps all.
        """
        config = self.config
        patches = patchify(images, config.patch_size)  # 2, 3                   [B, n, c p p]
        patch_embeddings = self.patch_embed.steps(patches)  # 4, 5              [B, n, d]
        embedded = self.embed(patch_embeddings)  # 6, 7, 8                      [B, N, d]
        if keep is not None:
            embedded = self.keep_patches(embedded, keep)
        blocks: list[BlockSteps] = []
        tokens = self.norm_pre(embedded)  # of CLIP and its kin alone           [B, N, d]
        for block in self.blocks:  # 21
            assert isinstance(block, Block)
            blocks.append(block.steps(tokens))
            tokens = blocks[-1].output
        norm = self.norm(tokens)  # 22b                                         [B, N, d]
        pooled = self.pool(norm)  # 22                                          [B, d]
        readout = self.fc_norm(pooled)  # 22b where it waits for the mean       [B, d]
        logits = self.head(readout)  # 23                                       [B, C]
        return Steps(patches, patch_embeddings, embedded, blocks, norm, pooled, readout, logits)

    def forward(self, images: Tensor, keep: Tensor | None = None) -> Tensor:
        """Give the logits [B, C]; while training, `patch_drop` of the patches are left out."""
        return self.head(self.features(images, keep))

    def features(self, images: Tensor, keep: Tensor | None = None) -> Tensor:
        """Give the readout [B, d] that the head sees, on the fused path."""
        tokens = self.embed(self.patch_embed(images))
        if self.training and self.config.patch_drop:
            keep = self.draw_kept(tokens)
        if keep is not None:
            tokens = self.keep_patches(tokens, keep)
        tokens = self.norm_pre(tokens)
        for block in self.blocks:
            tokens = block(tokens)
        return self.read_out(tokens)

    def embed(self, patch_embeddings: Tensor) -> Tensor:
        """Prepend the class token (6), add the positions (7, 8), insert registers: [B, N, d]."""
        batch = patch_embeddings.shape[0]
        tokens = patch_embeddings  # [B, n, d]
        if self.cls_token is not None:
            class_token = self.cls_token.expand(batch, -1, -1)
            tokens = torch.cat([class_token, tokens], dim=1)  # [B, 1+n, d]
        tokens = tokens + self.pos_embed
        if self.reg_token is None:
            return tokens
        registers, first = self.reg_token.expand(batch, -1, -1), int(self.config.class_token)
        return torch.cat([tokens[:, :first], registers, tokens[:, first:]], dim=1)  # [B, N, d]

    def read_out(self, tokens: Tensor) -> Tensor:
        """Give what the head reads of the tokens [B, N, d] that left a block: 22b, 22."""
        return self.fc_norm(self.pool(self.norm(tokens)))

    def pool(self, norm: Tensor) -> Tensor:
        """Take what is read out of the tokens [B, N, d], as `pooling` says: [B, d] or [B, 2d]."""
        pooling, patches = self.config.pooling, norm[:, self.config.prefix_tokens :]
        if pooling == "class_token":
            return norm[:, 0]
        if pooling == "class_and_distillation_token":
            return norm[:, :2].flatten(1)
        count = torch.ones_like(patches[:, :, :1]).sum(dim=1).clamp(min=1)  # 1 where none is kept
        mean = patches.sum(dim=1) / count
        return mean if pooling == "mean" else torch.cat([norm[:, 0], mean], dim=-1)

    def keep_patches(self, tokens: Tensor, keep: Tensor) -> Tensor:
        """Take the patches that `keep` [B, K] does not number out of the sequence: [B, N', d].

        They are removed, not painted over: painting shows the model something that it never saw
        (missingness bias, Jain et al., ICLR 2022).
        """
        prefix = self.config.prefix_tokens
        chosen = keep[:, :, None].expand(-1, -1, tokens.shape[-1])
        return torch.cat([tokens[:, :prefix], tokens[:, prefix:].gather(1, chosen)], dim=1)

    def draw_kept(self, tokens: Tensor) -> Tensor:
        """Draw the patches that stay in a training step, as many in every image: [B, K]."""
        patches = self.config.patches
        count = max(1, round(patches * (1 - self.config.patch_drop)))
        drawn = self.share.uniform(len(tokens), patches, device=tokens.device)
        return drawn.argsort(dim=1)[:, :count]

    def draw_for(self, share: Share) -> None:
        """Let the images of a process's share meet what they would meet in the whole batch."""
        self.share = share
        for module in self.modules():
            if isinstance(module, DropPath):
                module.share = share
