"""The random numbers that change the images of one training step.

They depend on the seed and the step alone: not on the device, which draws nothing, nor on how many
processes share the batch.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from model.share import WHOLE, Share


def step_seed(seed: int, step: int) -> int:
    """Give the seed of torch's own generator for a step, the same in every process."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0] >> 1)


class Draws:
    """Draws for a whole batch and hands out one process's share, on the CPU.

    Invariant: every process that was made with the same seed, step and `images` (of the whole
    batch) and asks the same questions in the same order stands at the same place of one stream.
    """

    def __init__(self, seed: int, step: int, images: int, share: Share = WHOLE) -> None:
        self._random = np.random.default_rng(np.random.SeedSequence([seed, step], spawn_key=(0,)))
        self._images = images
        self._share = share

    def uniform(self, *shape: int) -> Tensor:
        """Give numbers in [0, 1) for each image of the share: float32 [b, *shape]."""
        return self._share.of(torch.from_numpy(self._random.random((self._images, *shape), "f4")))

    def integers(self, high: int, *shape: int) -> Tensor:
        """Give whole numbers from 0 to `high` - 1 for each image of the share: [b, *shape]."""
        return self._share.of(
            torch.from_numpy(self._random.integers(high, size=(self._images, *shape)))
        )

    def one_uniform(self) -> float:
        """Give one number in [0, 1) for the whole batch."""
        return float(self._random.random())

    def one_integer(self, high: int) -> int:
        """Give one whole number from 0 to `high` - 1 for the whole batch."""
        return int(self._random.integers(high))

    def one_beta(self, alpha: float) -> float:
        """Give one number from Beta(alpha, alpha) for the whole batch."""
        return float(self._random.beta(alpha, alpha))
