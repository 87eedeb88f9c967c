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
from model.initial_model import InitialWeights
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
        self.model.draw_for(Share(accelerator.process_index, accelerator.num_processes))
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
            torch.float32 if config.precision == "no" else torch.bfloat16,
        )
        self.average = WeightAverage(self.model, config.ema_decay)
        self.averaged_model = VisionTransformer(self.shape).to(accelerator.device).eval()
        learns = TwoHeads(self.model) if config.distillation_token else self.model
        self.parallel_model: nn.Module = accelerator.prepare(
            self.model.head if config.probes else learns
        )

    def step(
        self,
        images: Tensor,
        targets: Tensor,
        progress: float,
        steps: int,
        taught: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Learn from this process's share of a batch, as step number `steps`.

        A linear probe takes the images' readouts [b, d] in the place of the images. `progress` in
        [0, 1] of the training sets the learning rate and the patch dropping; `taught` are a
        teacher's logits [b, C]. Gives the loss and the accuracy, both [], over all processes.
        """
        config = self.config
        self.model.train(config.freeze == "none")
        self.model.config = dataclasses.replace(
            self.shape, patch_drop=config.patch_drop_at(progress)
        )
        set_learning_rate(self.optimizers, schedule_factor(progress, config.warmup, config.decay))
        answers = self.parallel_model(images)
        logits, following = answers if config.distillation_token else (answers, answers)
        loss = cross_entropy(logits, targets, config.label_smoothing, self.class_weights)
        if taught is not None:
            loss = distilled(loss, following, taught, config)
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
        return state_tensors(self.model, self.average, self.optimizers)

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take back what `tensors` gave."""
        restore_state(tensors, self.model, self.average, self.optimizers)
