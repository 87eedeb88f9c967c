"""The backward pass in closed form: gradients of the logits, without autograd.

`walk_back` follows the blocks backwards with the same parameters as `vit.py` and the values that
`VisionTransformer.steps` kept. It is plain arithmetic, so it is exported to ONNX like any forward
pass.

B images, T targets for each image, N tokens, d width, H heads, C classes, R tokens that may be read
out: the class token, all patches, or both.

Gradients of the building blocks: LayerNorm (Ba et al., 2016), softmax and scaled dot-product
attention (Vaswani et al., 2017), exact GELU (Hendrycks and Gimpel, 2016).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.pooling import ALL, pooling_matrix, rows_read_out
from model.vit import Block, BlockSteps, Steps, VisionTransformer, merge_heads, split_heads


def norm_backward(gradient: Tensor, norm: nn.Module, tokens: Tensor) -> Tensor:
    """Turn the gradient of what left a LayerNorm into that of `tokens`, which entered it.

    Where the model has no norm, there is an identity.
    """
    if not isinstance(norm, nn.LayerNorm):
        return gradient
    normalized, _, inverse_deviation = torch.native_layer_norm(
        tokens, norm.normalized_shape, None, None, norm.eps
    )
    scaled = gradient * norm.weight
    mean = scaled.mean(dim=-1, keepdim=True)
    slope = (scaled * normalized).mean(dim=-1, keepdim=True)
    return inverse_deviation * (scaled - mean - normalized * slope)


def gelu_slope(hidden: Tensor) -> Tensor:
    """Give the derivative of the exact GELU at `hidden`."""
    cumulative = (1 + torch.erf(hidden * math.sqrt(0.5))) * 0.5
    density = torch.exp(hidden * hidden * -0.5) * (1 / math.sqrt(2 * math.pi))
    return cumulative + hidden * density


def among_all(values: Tensor, rows: slice, tokens: int) -> Tensor:
    """Lay what is known of some rows [..., R, d] among zeros: [..., N, d]."""
    first, last, _ = rows.indices(tokens)
    return functional.pad(values, (0, 0, first, tokens - last))


def readout_backward(model: VisionTransformer, tokens: Tensor, logit_weights: Tensor) -> Tensor:
    """Give the gradient of `logit_weights . logits` at the tokens that are read out: [B, T, R, d].

    `tokens` [B, N, d] are those that left the last block.
    """
    rows = rows_read_out(model)
    matrix = pooling_matrix(model)[:, rows]  # [1 or 2, R]
    pooled = model.pool(model.norm(tokens))[:, None]  # [B, 1, d]
    readout = norm_backward(logit_weights @ model.head.weight, model.fc_norm, pooled)  # [B, T, d]
    parts = readout.reshape(*readout.shape[:2], len(matrix), model.config.width)
    norm = matrix.T @ parts  # [B, T, R, d]
    return norm_backward(norm, model.norm, tokens[:, None, rows])


def feed_forward_backward(block: Block, steps: BlockSteps, gradient: Tensor, rows: slice) -> Tensor:
    """Turn the gradient of a block's output rows into that of `attended`: [B, T, R, d]."""
    activation = block.ls2(gradient) @ block.mlp.fc2.weight  # [B, T, R, 4d]
    hidden = activation * gelu_slope(steps.hidden[:, rows])[:, None]
    norm2 = hidden @ block.mlp.fc1.weight  # [B, T, R, d]
    return gradient + norm_backward(norm2, block.norm2, steps.attended[:, None, rows])


def context_backward(block: Block, gradient: Tensor) -> Tensor:
    """Turn the gradient of `attended` into that of `context`: [B, T, H, R, d/H]."""
    return split_heads(block.ls1(gradient) @ block.attn.proj.weight, block.attn.heads)


def attention_backward(steps: BlockSteps, context: Tensor) -> Tensor:
    """Turn the gradient of `context` into that of `attention`: [B, T, H, R, N]."""
    return context @ steps.value[:, None].transpose(-2, -1)


def local_gradient(
    model: VisionTransformer, block: Block, steps: BlockSteps, logit_weights: Tensor
) -> Tensor:
    """Give the gradient at one block's attention as if it were the last: [B, T, H, R, N]."""
    gradient = readout_backward(model, steps.output, logit_weights)
    attended = feed_forward_backward(block, steps, gradient, rows_read_out(model))
    return attention_backward(steps, context_backward(block, attended))


@dataclass(frozen=True)
class BlockGradients:
    """The gradients inside one block; in the last one, of the rows that are read out alone."""

    attended: Tensor  # [B, T, R, d]
    context: Tensor  # [B, T, H, R, d/H]
    attention: Tensor  # [B, T, H, R, N]


def tokens_backward(
    model: VisionTransformer, block: Block, steps: BlockSteps, inner: BlockGradients, rows: slice
) -> Tensor:
    """Turn the gradients inside a block into that of the tokens which entered it: [B, T, N, d]."""
    weights = steps.attention[:, None, :, rows]  # [B, 1, H, R, N]
    scores = weights * (inner.attention - (inner.attention * weights).sum(dim=-1, keepdim=True))
    scores = scores * steps.query.shape[-1] ** -0.5
    query = merge_heads(scores @ steps.key[:, None])  # [B, T, R, d]
    key = merge_heads(scores.transpose(-2, -1) @ steps.query[:, None, :, rows])  # [B, T, N, d]
    value = merge_heads(weights.transpose(-2, -1) @ inner.context)  # [B, T, N, d]
    attended = inner.attended
    if rows != ALL:
        query = among_all(query, rows, model.config.tokens)
        attended = among_all(attended, rows, model.config.tokens)
    norm1 = torch.cat([query, key, value], dim=-1) @ block.attn.qkv.weight  # [B, T, N, d]
    return attended + norm_backward(norm1, block.norm1, steps.tokens[:, None])


@dataclass(frozen=True)
class Gradients:
    """The gradients of `logit_weights . logits`, equal to autograd's."""

    attention: list[Tensor]  # first block first: [B, T, H, N, N], in the last one [B, T, H, R, N]
    last_tokens: Tensor  # at the tokens that enter the last block: [B, T, N, d]
    embedded: Tensor  # at the tokens as they are embedded: [B, T, N, d]


def walk_back(model: VisionTransformer, steps: Steps, logit_weights: Tensor) -> Gradients:
    """Give the gradient of `logit_weights . logits` at every attention and at the tokens.

    `logit_weights` [B, T, C]: a one-hot row explains its class, one minus another explains the one
    class rather than the other.
    """
    attention: list[Tensor] = []
    gradient = readout_backward(model, steps.blocks[-1].output, logit_weights)
    rows, last_tokens = rows_read_out(model), gradient
    for block, values in zip(reversed(model.blocks), reversed(steps.blocks), strict=True):
        assert isinstance(block, Block)
        attended = feed_forward_backward(block, values, gradient, rows)
        context = context_backward(block, attended)
        inner = BlockGradients(attended, context, attention_backward(values, context))
        gradient = tokens_backward(model, block, values, inner, rows)
        if not attention:
            last_tokens = gradient
        attention.append(inner.attention)
        rows = ALL
    embedded = norm_backward(gradient, model.norm_pre, steps.embedded[:, None])
    return Gradients(attention[::-1], last_tokens, embedded)
