"""How a training turns a batch into what the model takes, on the device where it computes."""

from __future__ import annotations

import torch
from torch import Tensor

from service.contract import Preprocessing


class ModelInput:
    """Normalizes images as the service does, by the same preprocessing, on one device."""

    def __init__(self, preprocessing: Preprocessing, device: torch.device) -> None:
        self.device = device
        self.scale = 255 * preprocessing.rescale
        self.mean = torch.tensor(preprocessing.mean, device=device)[:, None, None]
        self.std = torch.tensor(preprocessing.std, device=device)[:, None, None]

    def normalized(self, levels: Tensor) -> Tensor:
        """Turn levels in [0, 1] into the model's input.

        In place but for the first step: memory for a batch of large images costs more than sums.
        """
        return (levels * self.scale).sub_(self.mean).div_(self.std)

    def __call__(self, batch: Tensor) -> Tensor:
        """Turn images, uint8 [b, 3, rows, columns], into the model's input; readouts stay."""
        here = batch.to(self.device)
        return self.normalized(here.float().div_(255)) if here.dtype == torch.uint8 else here
