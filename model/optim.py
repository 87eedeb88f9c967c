"""How the weights move: Muon for the hidden matrices, AdamW for the rest, one schedule, an average.

Sources: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; Loshchilov
and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019 (AdamW) and "SGDR", ICLR 2017
(cosine); Polyak and Juditsky, 1992 (averaging).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from model.layer_decay import layer_scales
from model.muon import Muon
from model.training_config import DecayName, OptimizerName


@dataclass(frozen=True)
class ParameterGroups:
    """Every parameter of a model that is to move, by name, in exactly one of three groups.

    `hidden` are the matrices inside the blocks; `embedding` are the other matrices (patch
    embedding, head), decayed too; `undecayed` are biases, norms, tokens and positions.
    """

    hidden: dict[str, nn.Parameter]
    embedding: dict[str, nn.Parameter]
    undecayed: dict[str, nn.Parameter]


def parameter_groups(model: nn.Module) -> ParameterGroups:
    """Sort the parameters by how they are to be optimised; frozen ones are left out."""
    groups = ParameterGroups({}, {}, {})
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if parameter.ndim == 2 and name.startswith("blocks."):
            groups.hidden[name] = parameter
        elif parameter.ndim >= 2 and name.endswith(".weight"):
            groups.embedding[name] = parameter
        else:
            groups.undecayed[name] = parameter
    return groups


def build_optimizers(
    model: nn.Module,
    optimizer: OptimizerName,
    learning_rate: float,
    muon_learning_rate: float,
    weight_decay: float,
    layer_decay: float = 1.0,
    muon_dtype: torch.dtype = torch.float32,
) -> list[Optimizer]:
    """Give the optimisers that together move every parameter once, but for frozen ones.

    With "muon" the hidden matrices take orthogonalised steps of `muon_learning_rate`, scaled by
    sqrt(rows / columns) where that is above 1, and everything else AdamW's of `learning_rate`.
    `weight_decay` acts as learning rate x decay in both, as published for each. `layer_decay`
    below 1 lowers both learning rates towards the patches, as `layer_decay.py` says. Muon computes
    in `muon_dtype`.
    """
    groups = parameter_groups(model)
    scales = layer_scales(dict(model.named_parameters()), layer_decay)
    adamw_groups = [
        *layered(groups.embedding, scales, learning_rate, weight_decay),
        *layered(groups.undecayed, scales, learning_rate, 0.0),
    ]
    hidden = layered(groups.hidden, scales, learning_rate, weight_decay)
    if optimizer == "adamw" or not hidden:
        return [AdamW([*adamw_groups, *hidden], lr=learning_rate, betas=(0.9, 0.95))]
    hidden = layered(groups.hidden, scales, muon_learning_rate, weight_decay)
    muon = Muon(hidden, muon_learning_rate, weight_decay, dtype=muon_dtype)
    return [muon, AdamW(adamw_groups, lr=learning_rate, betas=(0.9, 0.95))]


def layered(
    parameters: Mapping[str, nn.Parameter],
    scales: Mapping[str, float],
    learning_rate: float,
    weight_decay: float,
) -> list[dict[str, Any]]:
    """Give one group of an optimiser for each scale of the learning rate, in rising order."""
    return [
        {
            "params": [each for name, each in parameters.items() if scales[name] == scale],
            "lr": scale * learning_rate,
            "weight_decay": weight_decay,
        }
        for scale in sorted({scales[name] for name in parameters})
    ]


def schedule_factor(progress: float, warmup: float, decay: DecayName) -> float:
    """Give the share of the peak learning rate at `progress` in [0, 1] of the training.

    It rises linearly over the first `warmup`, then falls to 0 along a half cosine or a line.
    """
    if progress < warmup:
        return progress / warmup
    remaining = (1 - min(progress, 1.0)) / (1 - warmup)
    if decay == "linear":
        return remaining
    return 0.5 * (1 - math.cos(math.pi * remaining))


def set_learning_rate(optimizers: list[Optimizer], factor: float) -> None:
    """Set every group to `factor` of its peak, which the first call remembers."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            peak = group.setdefault("peak_lr", group["lr"])
            group["lr"] = peak * factor


def take_step(
    optimizers: list[Optimizer], gradient_clip: float, scaler: torch.amp.GradScaler | None
) -> None:
    """Clip the gradients to a global norm, let every optimiser move, and clear the gradients.

    A float16 `scaler` is undone before clipping; it skips the step where a gradient is not finite.
    """
    if scaler is not None:
        for optimizer in optimizers:
            scaler.unscale_(optimizer)
    parameters = [p for each in optimizers for group in each.param_groups for p in group["params"]]
    nn.utils.clip_grad_norm_(parameters, gradient_clip)
    for optimizer in optimizers:
        if scaler is None:
            optimizer.step()
        else:
            scaler.step(optimizer)
        optimizer.zero_grad()
    if scaler is not None:
        scaler.update()


class WeightAverage:
    """An exponential moving average of a model's weights, kept in float32.

    The decay warms up as (1 + steps) / (10 + steps), so that the average forgets the random start.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights: dict[str, Tensor] = {
            name: weight.detach().clone().float() for name, weight in model.state_dict().items()
        }

    @torch.no_grad()
    def update(self, model: nn.Module, steps: int) -> None:
        """Move towards the model's weights after its step number `steps`."""
        decay = min(self.decay, (1 + steps) / (10 + steps))
        state = model.state_dict()
        torch._foreach_lerp_(
            list(self.weights.values()), [state[name].float() for name in self.weights], 1 - decay
        )
