"""Explanations of a prediction: what a class rests on, patch by patch.

Each is made of the values that `VisionTransformer.steps` kept and of the gradients of
`backward.py`. `Explainer` and `Attender` are the modules that become `explain.onnx` and
`attend.onnx`.

B images, T targets for each image, n patches, K of them kept, N tokens, d width, H heads, L blocks,
C classes, R tokens that may be read out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model.backward import Gradients, local_gradient, walk_back
from model.pooling import ALL, readout_share, rows_read_out
from model.vit import Block, Steps, VisionTransformer


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
