"""What learns: the model, the average of its weights, and the optimisers, at one step.

`Learner.step` takes one batch. `Learner.tensors` and `Learner.restore` carry everything across a
restart.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import Optimizer

from model.initial_model import InitialWeights
from model.initialization import initialize
from model.loss import cross_entropy
from model.optim import (
    WeightAverage,
    build_optimizers,
    schedule_factor,
    set_learning_rate,
    take_step,
)
from model.training_config import TrainingConfig
from model.vit import VisionTransformer


class Learner:
    """Keeps weights, average and optimisers at the same step."""

    def __init__(
        self,
        config: TrainingConfig,
        classes: int,
        accelerator: Accelerator,
        initial: InitialWeights | None = None,
        class_weights: Tensor | None = None,
    ) -> None:
        self.config = config
        self.accelerator = accelerator
        self.class_weights = class_weights
        self.shape = config.model_shape(classes) if initial is None else initial.shape
        torch.manual_seed(config.seed)
        self.model = VisionTransformer(self.shape)
        if initial is None:
            initialize(self.model, config.initialization)
        else:
            self.model.load_state_dict(initial.weights)
        self.model.to(accelerator.device)
        if config.freeze == "backbone":
            self.model.requires_grad_(False)
            self.model.head.requires_grad_(True)
        if config.compile:
            self.model.compile()
        self.optimizers: list[Optimizer] = build_optimizers(
            self.model,
            config.optimizer,
            config.learning_rate,
            config.muon_learning_rate,
            config.weight_decay,
            config.layer_decay,
        )
        self.average = WeightAverage(self.model, config.ema_decay)
        self.averaged_model = VisionTransformer(self.shape).to(accelerator.device).eval()
        self.parallel_model: nn.Module = accelerator.prepare(
            self.model.head if config.probes else self.model
        )

    def step(
        self, images: Tensor, targets: Tensor, progress: float, steps: int
    ) -> tuple[Tensor, Tensor]:
        """Learn from this process's share of a batch, as step number `steps`.

        A linear probe takes the images' readouts [b, d] in the place of the images.
        `progress` in [0, 1] of the training sets the learning rate and the patch dropping. Gives
        the loss and the accuracy, both [], over all processes.
        """
        config = self.config
        self.model.train(config.freeze == "none")
        self.model.config = dataclasses.replace(
            self.shape, patch_drop=config.patch_drop_at(progress)
        )
        set_learning_rate(self.optimizers, schedule_factor(progress, config.warmup, config.decay))
        logits = self.parallel_model(images)
        loss = cross_entropy(logits, targets, config.label_smoothing, self.class_weights)
        self.accelerator.backward(loss)
        take_step(self.optimizers, config.gradient_clip, self.accelerator.scaler)
        self.average.update(self.model, steps)
        likeliest = targets if targets.ndim == 1 else targets.argmax(dim=1)  # of mixed images
        accuracy = (logits.argmax(dim=1) == likeliest).float().mean()
        measures = self.accelerator.reduce(torch.stack([loss.detach(), accuracy]), "mean")
        return measures[0], measures[1]

    def load_average(self) -> nn.Module:
        """Give what learns, in evaluation mode and with the averaged weights.

        That is a model of images, or of readouts [b, d] for a linear probe: its head.
        """
        self.averaged_model.load_state_dict(self.average.weights)
        return self.averaged_model.head if self.config.probes else self.averaged_model

    @property
    def learning_rate(self) -> float:
        """The first optimiser's present learning rate, at the head's end where layers differ."""
        return max(float(group["lr"]) for group in self.optimizers[0].param_groups)

    def tensors(self) -> dict[str, Tensor]:
        """Give everything that a restart needs, by name."""
        tensors = {f"model/{name}": weight for name, weight in self.model.state_dict().items()}
        tensors |= {f"average/{name}": weight for name, weight in self.average.weights.items()}
        names: dict[Tensor, str] = {
            parameter: name for name, parameter in self.model.named_parameters()
        }
        for optimizer in self.optimizers:
            for parameter, values in optimizer.state.items():
                for key, value in values.items():
                    tensors[f"optimizer/{names[parameter]}/{key}"] = value
        return tensors

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take back what `tensors` gave."""
        parameters = dict(self.model.named_parameters())
        owners = {
            parameter: optimizer
            for optimizer in self.optimizers
            for group in optimizer.param_groups
            for parameter in group["params"]
        }
        weights: dict[str, Tensor] = {}
        for path, tensor in tensors.items():
            kind, name, *key = path.split("/")
            if kind == "model":
                weights[name] = tensor
            elif kind == "average":
                self.average.weights[name].copy_(tensor)
            else:
                parameter = parameters[name]
                # AdamW counts its steps on the CPU
                place = "cpu" if key == ["step"] else parameter.device
                owners[parameter].state[parameter][key[0]] = tensor.to(place)
        self.model.load_state_dict(weights)
