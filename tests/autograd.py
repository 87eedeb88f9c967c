"""Explanations as their papers write them, with torch's autograd, nothing of `model/backward.py`.

`weights` [C] weigh the logits of the one image that a model's `steps` were computed for; a map is
flat, [n].
"""

from __future__ import annotations

import torch
from torch import Tensor

from model.vit import Steps, VisionTransformer


def attention_gradients(steps: Steps, weights: Tensor) -> list[Tensor]:
    """Give the gradient of the weighed logits at every attention, first layer first: [B, H, N, N].

    `weights` may be [B, C] here.
    """
    attention = [block.attention for block in steps.blocks]
    return list(torch.autograd.grad((steps.logits * weights).sum(), attention, retain_graph=True))


def relevance(
    model: VisionTransformer,
    steps: Steps,
    weights: Tensor,
    *,
    sign: float = 1.0,
    start_layer: int = 0,
) -> Tensor:
    """Generic attention relevance: Chefer, Gur and Wolf, ICCV 2021, eq. 5 and 6, as matrices.

    `sign` -1 follows what speaks against the class.
    """
    layers = list(zip(steps.blocks, attention_gradients(steps, weights), strict=True))
    identity = torch.eye(steps.norm.shape[1], dtype=steps.norm.dtype)
    carried = identity
    for block, gradient in layers[start_layer:]:
        product = (sign * gradient * block.attention).clamp(min=0).mean(dim=1)[0]
        carried = carried + product @ carried
    return read_out(model, carried - identity)


def read_out(model: VisionTransformer, flow: Tensor) -> Tensor:
    """Take what reaches the readout from each patch out of a flow between tokens [N, N]: [n].

    Where the readout has two parts, each counts half.
    """
    prefix = model.config.prefix_tokens
    parts = {
        "class_token": [flow[0]],
        "mean": [flow[prefix:].mean(dim=0)],
        "class_token_and_mean": [flow[0], flow[prefix:].mean(dim=0)],
        "class_and_distillation_token": [flow[0], flow[1]],
    }[model.config.pooling]
    return (sum(parts) / len(parts))[prefix:].detach()


def legrad(model: VisionTransformer, steps: Steps, weights: Tensor) -> Tensor:
    """LeGrad: Bousselham et al., ICCV 2025: each layer's own readout at its own attention."""
    maps = []
    for block in steps.blocks:
        logits = model.head(model.read_out(block.output))
        (gradient,) = torch.autograd.grad(
            (logits * weights).sum(), block.attention, retain_graph=True
        )
        maps.append(gradient[0].relu().mean(dim=(0, 1)))  # heads and queries
    return torch.stack(maps).mean(dim=0)[model.config.prefix_tokens :]


def last_tokens(model: VisionTransformer, images: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Catch the tokens that enter the last block, and their gradient, with a hook: [B, N, d]."""
    caught: list[Tensor] = []
    hook = model.blocks[-1].register_forward_pre_hook(lambda block, given: caught.append(given[0]))
    logits = model(images)
    hook.remove()
    (gradient,) = torch.autograd.grad((logits * weights).sum(), caught[0])
    return caught[0].detach(), gradient


def gradcam(model: VisionTransformer, images: Tensor, weights: Tensor) -> Tensor:
    """Grad-CAM: Selvaraju et al., ICCV 2017, on the tokens that enter the last block."""
    tokens, gradient = last_tokens(model, images, weights)
    prefix = model.config.prefix_tokens
    importance = gradient[0, prefix:].mean(dim=0)
    return (tokens[0, prefix:] @ importance).relu()


def pixel_gradient(model: VisionTransformer, images: Tensor, weights: Tensor) -> Tensor:
    """Give the gradient of the weighed logits at the pixels: as `images`."""
    given = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((model(given) * weights).sum(), given)
    return gradient


def rollout(model: VisionTransformer, layers: list[Tensor], *, start_layer: int = 0) -> Tensor:
    """Attention rollout: Abnar and Zuidema, ACL 2020; `layers` [N, N] have their heads joined."""
    identity = torch.eye(layers[0].shape[-1])
    flow = identity
    for attention in layers[start_layer:]:
        flow = (attention + identity) / 2 @ flow
    return read_out(model, flow)
