"""Muon, with its arithmetic in the precision of the training.

`torch.optim.Muon` orthogonalises in bfloat16 always. That rounds two sums of the same gradients,
added up in another order, to different updates: two processes would not learn what one learns.

Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the published quintic: steepest at 0
ITERATIONS = 5
SMALLEST_NORM = 1e-7


def orthogonalized(matrix: Tensor, dtype: torch.dtype) -> Tensor:
    """Give about U V^T of a matrix U S V^T, by Newton-Schulz iteration in `dtype`."""
    linear, cubic, quintic = COEFFICIENTS
    is_tall = matrix.shape[0] > matrix.shape[1]  # the product is smaller on the short side
    result = (matrix.T if is_tall else matrix).to(dtype)
    result = result / result.norm().clamp(min=SMALLEST_NORM)
    for _ in range(ITERATIONS):
        gram = result @ result.T
        update = torch.addmm(gram, gram, gram, beta=cubic, alpha=quintic)
        result = torch.addmm(result, update, result, beta=linear)
    return result.T if is_tall else result


class Muon(Optimizer):
    """Steps of momentum, orthogonalised: for the matrices inside the blocks.

    A step has the length `lr`, scaled by sqrt(rows / columns) where that is above 1; `weight_decay`
    acts as lr x decay. `parameters` may come in groups with values of their own.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.dtype = dtype
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient. There is no closure to evaluate again."""
        assert closure is None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, parameter.grad, group)

    def _move(self, parameter: Tensor, gradient: Tensor, group: dict[str, float]) -> None:
        rate, momentum = group["lr"], group["momentum"]
        state = self.state[parameter]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        state["momentum_buffer"].lerp_(gradient, 1 - momentum)
        ahead = gradient.lerp(state["momentum_buffer"], momentum)  # Nesterov's
        rows, columns = parameter.shape
        parameter.mul_(1 - rate * group["weight_decay"])
        parameter.add_(
            orthogonalized(ahead, self.dtype).to(parameter.dtype),
            alpha=-rate * max(1.0, rows / columns) ** 0.5,
        )
