"""The weights that training starts from: plain, or mimetic of trained transformers.

Mimetic initialisation lets attention start as trained vision transformers end: queries and keys of
alike tokens agree, and value and projection together nearly negate. It adds several points of
accuracy to small transformers on small data (Trockman and Kolter, "Mimetic Initialization of
Self-Attention Layers", ICML 2023).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model.training_config import InitializationName
from model.vit import Attention, Block, VisionTransformer


def initialize(model: VisionTransformer, name: InitializationName) -> None:
    """Fill every parameter in place, drawing from torch's global generator."""
    truncated_normal(model)
    if name == "mimetic":
        mimetic(model)


@torch.no_grad()
def truncated_normal(model: VisionTransformer) -> None:
    """Draw matrices from a normal of deviation 0.02 cut at two deviations; biases are 0."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02, a=-0.04, b=0.04)
            nn.init.zeros_(module.bias)
    patch_inputs = model.patch_embed.proj.weight[0].numel()
    nn.init.trunc_normal_(model.patch_embed.proj.weight, std=patch_inputs**-0.5)
    assert model.patch_embed.proj.bias is not None
    nn.init.zeros_(model.patch_embed.proj.bias)
    nn.init.trunc_normal_(model.pos_embed, std=0.02)
    for tokens in (model.cls_token, model.reg_token):
        if tokens is not None:
            nn.init.normal_(tokens, std=1e-6)
    nn.init.zeros_(model.head.weight)  # every class starts equally likely


@torch.no_grad()
def mimetic(model: VisionTransformer) -> None:
    """Set attention to W_q W_k^T = 0.7 Z + 0.7 I and W_v W_proj = 0.4 Z - 0.4 I.

    Z is random with entries of variance 1 / width. W_q W_k^T is per head the nearest matrix of the
    head's rank, by truncated singular value decomposition. The position embeddings become waves.
    """
    for block in model.blocks:
        assert isinstance(block, Block)
        mimetic_attention(block.attn)
    model.pos_embed.zero_()
    waves = sinusoidal_positions(model.config.grid, model.config.width)
    model.pos_embed[0, -model.config.patches :] = waves


def mimetic_attention(attention: Attention) -> None:
    """Set one attention layer's four matrices as `mimetic` says."""
    width, heads = attention.proj.in_features, attention.heads
    head_width = width // heads
    query, key, value = attention.qkv.weight.chunk(3)  # views [d, d], rows are output features
    for head in range(heads):
        rows = slice(head * head_width, (head + 1) * head_width)
        left, strengths, right = torch.linalg.svd(noisy_identity(width, 0.7, 0.7))
        root = strengths[:head_width].sqrt()
        query[rows] = (left[:, :head_width] * root).T
        key[rows] = right[:head_width] * root[:, None]
    left, strengths, right = torch.linalg.svd(noisy_identity(width, 0.4, -0.4))
    value.copy_((left * strengths.sqrt()).T)
    attention.proj.weight.copy_((strengths.sqrt()[:, None] * right).T)


def noisy_identity(width: int, noise: float, identity: float) -> Tensor:
    """Give noise x Z + identity x I, [d, d], Z of variance 1 / d."""
    return noise * torch.randn(width, width) / width**0.5 + identity * torch.eye(width)


def sinusoidal_positions(grid: tuple[int, int], width: int) -> Tensor:
    """Give waves of row and column in sine and cosine, [n, d], as in "Attention Is All You Need".

    Half of the features tell the row, half the column. A width that 4 does not divide keeps zeros
    in its last features.
    """
    rows, columns = grid
    quarter = width // 4
    rates = 10_000.0 ** -(torch.arange(quarter) / max(quarter, 1))
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    waves = [
        wave(position.flatten()[:, None] * rates)
        for position in (row, column)
        for wave in (torch.sin, torch.cos)
    ]
    positions = torch.zeros(rows * columns, width)
    positions[:, : 4 * quarter] = torch.cat(waves, dim=1)
    return positions
