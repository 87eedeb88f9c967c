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

from model.distillation import TwoHeads, distilled
from model.initialization import initialize
from model.learner_state import restore_state, state_tensors
from model.loss import cross_entropy
from model.optim import (
    WeightAverage,
    build_optimizers,
    schedule_factor,
    set_learning_rate,
    take_step,
)
from model.share import Share
from model.training_config import TrainingConfig
from model.vit import VisionTransformer


class Learner:
    """Keeps weights, average and optimisers at the same step."""

    def __init__(self, config: TrainingConfig, classes: int, accelerator: Accelerator) -> None:
        self.config = config
        self.accelerator = accelerator
        self.shape = config.model_shape(classes)
        torch.manual_seed(config.seed)
        self.model = VisionTransformer(self.shape)
        initialize(self.model, config.initialization)
        self.model.draw_for(Share(accelerator.process_index, accelerator.num_processes))
        self.model.to(accelerator.device)
        if config.compile:
            self.model.compile()
        self.optimizers: list[Optimizer] = build_optimizers(
            self.model,
            config.optimizer,
            config.learning_rate,
            config.muon_learning_rate,
            config.weight_decay,
            torch.float32 if config.precision == "no" else torch.bfloat16,
        )
        self.average = WeightAverage(self.model, config.ema_decay)
        self.averaged_model = VisionTransformer(self.shape).to(accelerator.device).eval()
        learns = TwoHeads(self.model) if config.distillation_token else self.model
        self.parallel_model: nn.Module = accelerator.prepare(learns)

    def step(
        self,
        images: Tensor,
        targets: Tensor,
        progress: float,
        steps: int,
        taught: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Learn from this process's share of a batch, as step number `steps`.

        `progress` in [0, 1] of the training sets the learning rate and the patch dropping; `taught`
        are a teacher's logits [b, C]. Gives the loss and the accuracy, both [], over all processes.
        """
        config = self.config
        self.model.train()
        self.model.config = dataclasses.replace(
            self.shape, patch_drop=config.patch_drop_at(progress)
        )
        set_learning_rate(self.optimizers, schedule_factor(progress, config.warmup, config.decay))
        answers = self.parallel_model(images)
        logits, following = answers if config.distillation_token else (answers, answers)
        loss = cross_entropy(logits, targets, config.label_smoothing)
        if taught is not None:
            loss = distilled(loss, following, taught, config)
        self.accelerator.backward(loss)
        take_step(self.optimizers, config.gradient_clip, self.accelerator.scaler)
        self.average.update(self.model, steps)
        likeliest = targets if targets.ndim == 1 else targets.argmax(dim=1)  # of mixed images
        accuracy = (logits.argmax(dim=1) == likeliest).float().mean()
        measures = self.accelerator.reduce(torch.stack([loss.detach(), accuracy]), "mean")
        return measures[0], measures[1]

    def load_average(self) -> VisionTransformer:
        """Give a model in evaluation mode with the averaged weights."""
        self.averaged_model.load_state_dict(self.average.weights)
        return self.averaged_model

    @property
    def learning_rate(self) -> float:
        """The first optimiser's present learning rate."""
        return float(self.optimizers[0].param_groups[0]["lr"])

    def tensors(self) -> dict[str, Tensor]:
        """Give everything that a restart needs, by name."""
        return state_tensors(self.model, self.average, self.optimizers)

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take back what `tensors` gave."""
        restore_state(tensors, self.model, self.average, self.optimizers)
