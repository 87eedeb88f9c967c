"""Which images of a batch a process takes, and how it draws random numbers for them.

Every number is drawn for the whole batch, in every process alike, and each takes those of its own
images. So an image meets the same chance however many processes share the work.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Share:
    """Every `processes`-th image of a batch, from number `process` on."""

    process: int = 0
    processes: int = 1

    def of(self, whole: Tensor) -> Tensor:
        """Give the share [b, ...] of what belongs to a whole batch [B, ...]."""
        return whole[self.process :: self.processes]

    def uniform(self, images: int, *shape: int, device: torch.device) -> Tensor:
        """Draw numbers in [0, 1) for `images` of this share from torch's generator: [b, *shape].

        All processes must have seeded it alike, and have shares of one size.
        """
        return self.of(torch.rand(images * self.processes, *shape, device=device))


WHOLE = Share()
