"""The gradient of every attention matrix, in closed form: an explanation needs no autograd.

`attention_gradients` walks the blocks backwards with the same parameters as `vit.py` and the values
that `VisionTransformer.steps` kept. It is plain arithmetic, so it is exported to ONNX like any
forward pass. `Explainer` is the module that becomes `explain.onnx`.

B images, T targets for each image, n patches, N tokens, d width, H heads, L blocks, C classes.

Gradients of the building blocks: LayerNorm (Ba et al., 2016), softmax and scaled dot-product
attention (Vaswani et al., 2017), exact GELU (Hendrycks and Gimpel, 2016).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.vit import Block, BlockSteps, Steps, VisionTransformer, merge_heads, split_heads


def norm_backward(gradient: Tensor, norm: nn.LayerNorm, tokens: Tensor) -> Tensor:
    """Turn the gradient of what left a LayerNorm into that of `tokens`, which entered it."""
    centred = tokens - tokens.mean(dim=-1, keepdim=True)
    variance = (centred * centred).mean(dim=-1, keepdim=True)
    inverse_deviation = (variance + norm.eps).rsqrt()
    normalized = centred * inverse_deviation
    scaled = gradient * norm.weight
    mean = scaled.mean(dim=-1, keepdim=True)
    slope = (scaled * normalized).mean(dim=-1, keepdim=True)
    return inverse_deviation * (scaled - mean - normalized * slope)


def gelu_slope(hidden: Tensor) -> Tensor:
    """Give the derivative of the exact GELU at `hidden`."""
    cumulative = (1 + torch.erf(hidden * math.sqrt(0.5))) * 0.5
    density = torch.exp(hidden * hidden * -0.5) * (1 / math.sqrt(2 * math.pi))
    return cumulative + hidden * density


def readout_backward(
    model: VisionTransformer, steps: Steps, logit_weights: Tensor, keep: Tensor | None
) -> Tensor:
    """Give the gradient of `logit_weights . logits` at the last block's output: [B, T, N, d]."""
    gradient = (logit_weights @ model.head.weight)[:, :, None]  # [B, T, 1, d]
    tokens = steps.blocks[-1].output[:, None]  # [B, 1, N, d]
    prefix, patches = model.config.prefix_tokens, model.config.patches
    if model.config.pooling == "class_token":
        class_token = norm_backward(gradient, model.norm, tokens[:, :, :1])
        return functional.pad(class_token, (0, 0, 0, prefix + patches - 1))
    if keep is None:
        gradient = gradient / patches
    else:
        share = keep / keep.sum(dim=1, keepdim=True).clamp(min=1)
        gradient = gradient * share[:, None, :, None]  # [B, T, n, d]
    return functional.pad(
        norm_backward(gradient, model.norm, tokens[:, :, prefix:]), (0, 0, prefix, 0)
    )


def feed_forward_backward(block: Block, steps: BlockSteps, gradient: Tensor) -> Tensor:
    """Turn the gradient of a block's output into that of `attended`: [B, T, N, d]."""
    activation = block.ls2(gradient) @ block.mlp.fc2.weight  # [B, T, N, 4d]
    hidden = activation * gelu_slope(steps.hidden)[:, None]
    norm2 = hidden @ block.mlp.fc1.weight  # [B, T, N, d]
    return gradient + norm_backward(norm2, block.norm2, steps.attended[:, None])


def context_backward(block: Block, gradient: Tensor) -> Tensor:
    """Turn the gradient of `attended` into that of `context`: [B, T, H, N, d/H]."""
    return split_heads(block.ls1(gradient) @ block.attn.proj.weight, block.attn.heads)


def attention_backward(steps: BlockSteps, context: Tensor) -> Tensor:
    """Turn the gradient of `context` into that of `attention`: [B, T, H, N, N]."""
    return context @ steps.value[:, None].transpose(-2, -1)


def tokens_backward(
    block: Block, steps: BlockSteps, attended: Tensor, context: Tensor, attention: Tensor
) -> Tensor:
    """Turn the gradients inside a block into that of the tokens which entered it: [B, T, N, d]."""
    weights = steps.attention[:, None]  # [B, 1, H, N, N]
    scores = weights * (attention - (attention * weights).sum(dim=-1, keepdim=True))
    scores = scores * steps.query.shape[-1] ** -0.5
    query = scores @ steps.key[:, None]
    key = scores.transpose(-2, -1) @ steps.query[:, None]
    value = weights.transpose(-2, -1) @ context
    parts = torch.cat([merge_heads(query), merge_heads(key), merge_heads(value)], dim=-1)
    norm1 = parts @ block.attn.qkv.weight  # [B, T, N, d]
    return attended + norm_backward(norm1, block.norm1, steps.tokens[:, None])


def attention_gradients(
    model: VisionTransformer, steps: Steps, logit_weights: Tensor, keep: Tensor | None = None
) -> list[Tensor]:
    """Give the gradient of `logit_weights . logits` at every block's attention, first block first.

    `logit_weights` [B, T, C]: a one-hot row explains its class, one minus another explains the one
    class rather than the other. `keep` is what `steps` was computed with. Each gradient is
    [B, T, H, N, N] and equals autograd's.
    """
    gradients: list[Tensor] = []
    gradient = readout_backward(model, steps, logit_weights, keep)
    for index in reversed(range(model.config.depth)):
        block, values = model.blocks[index], steps.blocks[index]
        assert isinstance(block, Block)
        attended = feed_forward_backward(block, values, gradient)
        context = context_backward(block, attended)
        attention = attention_backward(values, context)
        gradients.append(attention)
        if index:  # nothing before the first block is asked for
            gradient = tokens_backward(block, values, attended, context, attention)
    return gradients[::-1]


def predicted_where_zero(logit_weights: Tensor, logits: Tensor) -> Tensor:
    """Replace all-zero rows of `logit_weights` [B, T, C] by the one-hot row of the predicted class.

    So one run explains the prediction, whatever it turns out to be.
    """
    classes = torch.arange(logits.shape[-1], device=logits.device)
    predicted = (classes == logits.argmax(dim=-1, keepdim=True)).to(logits.dtype)  # [B, C]
    is_zero = logit_weights.abs().sum(dim=-1, keepdim=True) == 0
    return torch.where(is_zero, predicted[:, None], logit_weights)


class Explainer(nn.Module):
    """The forward pass and its closed-form backward: what `explain.onnx` computes."""

    def __init__(self, model: VisionTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, pixel_values: Tensor, logit_weights: Tensor, keep: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Give logits [B, C], attention [B, L, H, N, N] and its gradient [B, T, L, H, N, N].

        `pixel_values` [B, c, S, S]; `logit_weights` [B, T, C], where a row of zeros stands for the
        predicted class; `keep` [B, n], 1 for a patch that takes part.
        """
        steps = self.model.steps(pixel_values, keep)
        weights = predicted_where_zero(logit_weights, steps.logits)
        gradients = attention_gradients(self.model, steps, weights, keep)
        attention = torch.stack([block.attention for block in steps.blocks], dim=1)
        return steps.logits, attention, torch.stack(gradients, dim=2)
