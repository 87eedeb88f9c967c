"""Explanations in closed form: what a class rests on, without autograd.

`walk_back` follows the blocks backwards with the same parameters as `vit.py` and the values that
`VisionTransformer.steps` kept. It is plain arithmetic, so it is exported to ONNX like any forward
pass. `Explainer` is the module that becomes `explain.onnx`.

B images, T targets for each image, n patches, K of them kept, N tokens, d width, H heads, L blocks,
C classes, R tokens that may be read out: the class token, all patches, or both.

Gradients of the building blocks: LayerNorm (Ba et al., 2016), softmax and scaled dot-product
attention (Vaswani et al., 2017), exact GELU (Hendrycks and Gimpel, 2016).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.vit import Block, BlockSteps, Steps, VisionTransformer, merge_heads, split_heads

ALL = slice(None)


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


def rows_read_out(model: VisionTransformer) -> slice:
    """Say which tokens may be read out: those before and between them have a share of 0."""
    of_pooling = {
        "class_token": slice(0, 1),
        "class_and_distillation_token": slice(0, 2),
        "mean": slice(model.config.prefix_tokens, None),
        "class_token_and_mean": ALL,
    }
    return of_pooling[model.config.pooling]


def pooling_matrix(model: VisionTransformer) -> Tensor:
    """Give what pooling takes of every token: [1 or 2, N], a row for each part of the readout.

    Pooling is linear, so it is what `pool` makes of the identity; written out, as a graph would
    hold the identity of a large model as a constant of N x N numbers.
    """
    config, weight = model.config, model.head.weight
    token = torch.arange(config.tokens, device=weight.device)
    first, second, is_patch = (
        which.to(weight.dtype) for which in (token == 0, token == 1, token >= config.prefix_tokens)
    )
    mean = is_patch / config.patches
    of_pooling = {
        "class_token": [first],
        "class_and_distillation_token": [first, second],
        "mean": [mean],
        "class_token_and_mean": [first, mean],
    }
    return torch.stack(of_pooling[config.pooling])


def readout_share(model: VisionTransformer) -> Tensor:
    """Give every token's share in the readout: [N]. The parts of a readout count alike."""
    return pooling_matrix(model).mean(dim=0)


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


def attention_relevance(
    model: VisionTransformer, steps: Steps, gradients: Gradients
) -> tuple[Tensor, Tensor]:
    """Give what speaks for and against, as far back as each layer: twice [B, T, L, n].

    r = readout; for l = L..1: r += r . mean over heads of relu(+-gradient_l * attention_l); row l
    is r after layer l, without the share that the readout itself started with.
    Generic attention relevance: Chefer, Gur and Wolf, ICCV 2021.
    """
    start = readout_share(model)[None, None, None]  # [1, 1, 1, N]
    relevance = counter = torch.zeros_like(start)  # beside the start, whose digits would hide them
    walked: list[tuple[Tensor, Tensor]] = []
    rows = rows_read_out(model)
    for values, gradient in zip(reversed(steps.blocks), reversed(gradients.attention), strict=True):
        product = gradient * values.attention[:, None, :, rows]  # [B, T, H, R, N]
        relevance = relevance + follow((start + relevance)[..., rows], product)
        counter = counter + follow((start + counter)[..., rows], -product)
        walked.append((relevance, counter))
        rows = ALL
    prefix = model.config.prefix_tokens
    of_class, against = (torch.cat(found[::-1], dim=2) for found in zip(*walked, strict=True))
    return of_class[..., prefix:], against[..., prefix:]


def follow(relevance: Tensor, product: Tensor) -> Tensor:
    """Carry relevance [B, T, 1, R] through the positive part of [B, T, H, R, N]: [B, T, 1, N]."""
    return (relevance[:, :, None] @ product.relu()).mean(dim=2)


def local_evidence(model: VisionTransformer, steps: Steps, logit_weights: Tensor) -> Tensor:
    """Give what speaks for a class in every layer's own attention, on average: [B, T, n].

    The mean over layers, heads and queries of relu(gradient of the layer's own readout).
    LeGrad: Bousselham et al., ICCV 2025.
    """
    evidence: list[Tensor] = []
    for block, values in zip(model.blocks, steps.blocks, strict=True):
        assert isinstance(block, Block)
        gradient = local_gradient(model, block, values, logit_weights).relu()
        evidence.append(gradient.mean(dim=2).sum(dim=-2) / gradient.shape[-1])  # [B, T, N]
    layers = torch.stack(evidence).mean(dim=0)
    return layers[..., model.config.prefix_tokens :]


def class_activation(model: VisionTransformer, steps: Steps, gradients: Gradients) -> Tensor:
    """Give GradCAM on the tokens that enter the last block: [B, T, n].

    Features are weighed by the mean of their gradient over the patches; what is negative is cut.
    Grad-CAM: Selvaraju et al., ICCV 2017.
    """
    prefix = model.config.prefix_tokens
    weights = gradients.last_tokens[:, :, prefix:].mean(dim=2, keepdim=True)  # [B, T, 1, d]
    patches = steps.blocks[-1].tokens[:, None, prefix:]  # [B, 1, n, d]
    return (weights * patches).sum(dim=-1).relu()


def patch_gradient(model: VisionTransformer, gradients: Gradients) -> Tensor:
    """Give the gradient at the pixels of every patch: [B, T, n, c p p], as `patchify` cuts."""
    patches = gradients.embedded[:, :, model.config.prefix_tokens :]
    return patches @ model.patch_embed.proj.weight.flatten(1)


def predicted_where_zero(logit_weights: Tensor, logits: Tensor) -> Tensor:
    """Replace all-zero rows of `logit_weights` [B, T, C] by the one-hot row of the predicted class.

    So one run explains the prediction, whatever it turns out to be.
    """
    classes = torch.arange(logits.shape[-1], device=logits.device)
    predicted = (classes == logits.argmax(dim=-1, keepdim=True)).to(logits.dtype)  # [B, C]
    is_zero = logit_weights.abs().sum(dim=-1, keepdim=True) == 0
    return torch.where(is_zero, predicted[:, None], logit_weights)


class Explainer(nn.Module):
    """The forward pass and its closed-form backward: `explain.onnx`."""

    def __init__(self, model: VisionTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, pixel_values: Tensor, logit_weights: Tensor, layer_weights: Tensor
    ) -> tuple[Tensor, ...]:
        """Give the outputs that `graphs.py` names, in its order.

        `pixel_values` [B, c, S, S]; `logit_weights` [B, T, C] and `layer_weights` [B, U, C] weigh
        the logits for the walk back and for the layers' own evidence: a row of zeros stands for
        the predicted class, and no rows spare the work.
        """
        model = self.model
        steps = model.steps(pixel_values)
        gradients = walk_back(model, steps, predicted_where_zero(logit_weights, steps.logits))
        of_layers = predicted_where_zero(layer_weights, steps.logits)
        return (
            steps.logits,
            *attention_relevance(model, steps, gradients),
            class_activation(model, steps, gradients),
            patch_gradient(model, gradients),
            local_evidence(model, steps, of_layers),
            token_norms(model, steps),
        )


def token_norms(model: VisionTransformer, steps: Steps) -> Tensor:
    """Give the length of every patch's token after the last block: [B, n]."""
    return steps.blocks[-1].output[:, model.config.prefix_tokens :].norm(dim=-1)


class Attender(nn.Module):
    """The forward pass over the patches kept, with its attention: `attend.onnx`."""

    def __init__(self, model: VisionTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: Tensor, keep: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give logits [B, C], attention [B, L, H, N, N] and the token norms [B, K].

        `pixel_values` [B, c, S, S]; `keep` [B, K] numbers the patches that take part.
        """
        steps = self.model.steps(pixel_values, keep)
        attention = torch.stack([block.attention for block in steps.blocks], dim=1)
        return steps.logits, attention, token_norms(self.model, steps)
