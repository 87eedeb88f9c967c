"""A learner's weights, average and optimisers as named tensors, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.optim import Optimizer

from model.optim import WeightAverage


def state_tensors(
    model: nn.Module, average: WeightAverage, optimizers: Sequence[Optimizer]
) -> dict[str, Tensor]:
    """Give everything that a restart needs, by name."""
    tensors = {f"model/{name}": weight for name, weight in model.state_dict().items()}
    tensors |= {f"average/{name}": weight for name, weight in average.weights.items()}
    names: dict[Tensor, str] = {parameter: name for name, parameter in model.named_parameters()}
    for optimizer in optimizers:
        for parameter, values in optimizer.state.items():
            for key, value in values.items():
                if isinstance(value, Tensor):
                    tensors[f"optimizer/{names[parameter]}/{key}"] = value
    return tensors


def restore_state(
    tensors: Mapping[str, Tensor],
    model: nn.Module,
    average: WeightAverage,
    optimizers: Sequence[Optimizer],
) -> None:
    """Take back what `state_tensors` gave."""
    parameters = dict(model.named_parameters())
    owners = {
        parameter: optimizer
        for optimizer in optimizers
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    weights: dict[str, Tensor] = {}
    for path, tensor in tensors.items():
        kind, name, *key = path.split("/")
        if kind == "model":
            weights[name] = tensor
        elif kind == "average":
            average.weights[name].copy_(tensor)
        else:
            parameter = parameters[name]
            # AdamW counts its steps on the CPU
            place = "cpu" if key == ["step"] else parameter.device
            owners[parameter].state[parameter][key[0]] = tensor.to(place)
    model.load_state_dict(weights)
