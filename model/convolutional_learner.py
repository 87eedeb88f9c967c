"""What learns when a convolutional teacher is trained: the network, its average, its optimisers."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD, Optimizer

from model.convolutional_teacher import ConvolutionalTeacher
from model.learner_state import restore_state, state_tensors
from model.muon import Muon
from model.optim import WeightAverage, set_learning_rate
from model.teacher_config import TeacherConfig


class ConvolutionalLearner:
    """Keeps weights, average and optimisers at the same step."""

    def __init__(self, config: TeacherConfig, classes: int, device: torch.device) -> None:
        self.config = config
        self.device = device
        torch.manual_seed(config.seed)
        self.model = ConvolutionalTeacher(classes, config.widths)
        self.model.normalize_convolutions()
        self.model.to(device)
        self.optimizers = optimizers(self.model, config)
        self.average = WeightAverage(self.model, config.ema_decay)
        self.averaged_model = ConvolutionalTeacher(classes, config.widths).to(device).eval()

    def whiten(self, images: Tensor) -> None:
        """Start from these normalized training images [n, 3, S, S]."""
        self.model.whiten(images)
        self.average = WeightAverage(self.model, self.config.ema_decay)

    def step(self, images: Tensor, targets: Tensor, progress: float, steps: int) -> Tensor:
        """Learn from a batch as step number `steps`; give the loss and the accuracy, [2]."""
        config = self.config
        self.model.train()
        # Once its bias is settled, the largest picture needs no gradient any more.
        bias: nn.Parameter = self.model.whitening.bias  # type: ignore[assignment]
        bias.requires_grad_(progress < config.whitening_bias)
        set_learning_rate(self.optimizers, 1 - progress)
        logits = self.logits(self.model, images)
        loss = functional.cross_entropy(logits, targets, label_smoothing=config.label_smoothing)
        (loss * len(images)).backward()  # type: ignore[no-untyped-call]
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.model.normalize_convolutions()
        self.average.update(self.model, steps)
        accuracy = (logits.argmax(dim=1) == targets).float().mean()
        return torch.stack([loss.detach(), accuracy])

    def logits(self, model: nn.Module, images: Tensor) -> Tensor:
        """Run a model in the precision and memory order that are fastest: float32 [B, classes]."""
        ordered = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.bf16):
            return model(ordered).float()

    def load_average(self) -> ConvolutionalTeacher:
        """Give a network in evaluation mode with the averaged weights."""
        self.averaged_model.load_state_dict(self.average.weights)
        return self.averaged_model

    @property
    def learning_rate(self) -> float:
        """Muon's present learning rate."""
        return float(self.optimizers[0].param_groups[0]["lr"])

    def tensors(self) -> dict[str, Tensor]:
        """Give everything that a restart needs, by name."""
        return state_tensors(self.model, self.average, self.optimizers)

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take back what `tensors` gave."""
        restore_state(tensors, self.model, self.average, self.optimizers)


def optimizers(model: ConvolutionalTeacher, config: TeacherConfig) -> list[Optimizer]:
    """Give Muon for the convolutions and Nesterov's momentum for the biases and the head."""
    norms = [part for part in model.modules() if isinstance(part, nn.BatchNorm2d)]
    biases = [model.whitening.bias, *(norm.bias for norm in norms)]
    decay = config.weight_decay * config.batch_size
    muon = Muon(
        model.convolutions(),
        lr=config.muon_learning_rate,
        weight_decay=0.0,  # the length is fixed anyway
        momentum=config.muon_momentum,
        dtype=torch.bfloat16 if config.bf16 else torch.float32,
    )
    rates = ((biases, config.bias_learning_rate), ([model.head.weight], config.head_learning_rate))
    groups = [
        {"params": parameters, "lr": rate, "weight_decay": decay / rate}
        for parameters, rate in rates
    ]
    return [muon, SGD(groups, lr=1.0, momentum=config.momentum, nesterov=True)]
