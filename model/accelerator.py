"""The machine that a training computes on: its device, its number format and its processes."""

from __future__ import annotations

import torch
from accelerate import Accelerator

from model.training_config import TrainingConfig
from service.errors import InvalidInput


def start_accelerator(config: TrainingConfig) -> Accelerator:
    """Take the device, the precision and the processes that the configuration asks for."""
    if config.threads:
        torch.set_num_threads(config.threads)
    accelerator = Accelerator(mixed_precision=config.precision, cpu=config.device == "cpu")
    check_device(config, accelerator.device)
    return accelerator


def check_device(config: TrainingConfig, device: torch.device) -> None:
    """Raise InvalidInput where the device cannot do what is asked."""
    if config.precision == "fp16" and device.type == "cpu":
        raise InvalidInput("precision fp16 needs a GPU, and there is none; choose bf16 or no")
