"""How well a model does on the validation part, and which epoch was the best by that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional

from model.images import Images
from model.share import WHOLE, Share

VALIDATION_BATCH = 500
BY_CLASS = "recognised/"  # before a label, in a history's row: pictures of it that were recognised


@dataclass(frozen=True)
class Validation:
    """What was measured on a number of pictures.

    `loss` is the mean cross-entropy in nats; `recognised` are the pictures of each class whose
    class was predicted, of `counts` that there are, both C long.
    """

    loss: float
    recognised: tuple[int, ...]
    counts: tuple[int, ...]

    @property
    def accuracy(self) -> float:
        """Share of the pictures that were recognised."""
        return sum(self.recognised) / sum(self.counts)

    @property
    def balanced_accuracy(self) -> float:
        """Mean over the classes of the share recognised, so that small classes count as large."""
        shares = [
            right / count
            for right, count in zip(self.recognised, self.counts, strict=True)
            if count
        ]
        return sum(shares) / len(shares)

    def record(self) -> dict[str, float]:
        """Give what tells how good an epoch was."""
        return {
            "validation_accuracy": self.accuracy,
            "balanced_accuracy": self.balanced_accuracy,
            "validation_loss": self.loss,
        }

    def by_class(self, labels: Sequence[str]) -> dict[str, float]:
        """Give what tells how good an epoch was where classes are of unequal size."""
        named = zip(labels, self.recognised, strict=True)
        return {
            "balanced_accuracy": round(self.balanced_accuracy, 4),
            **{f"{BY_CLASS}{label}": right for label, right in named},
        }


@torch.no_grad()
def validate(
    model: nn.Module,
    images: Images,
    model_input: Callable[[Tensor], Tensor],
    classes: int,
    accelerator: Accelerator,
    share: Share = WHOLE,
) -> Validation:
    """Measure a model that takes `model_input` of the images and gives logits [B, C].

    Each process measures its share, and all learn what all found, so that they agree on when to
    stop.
    """
    found = torch.zeros(1 + 2 * classes, dtype=torch.float64)  # loss, recognised, counts
    order = torch.split(share.of(torch.arange(len(images))), VALIDATION_BATCH)
    for batch, targets in images.batches(order):
        with accelerator.autocast():
            logits = model(model_input(batch)).float().cpu()
        here = targets.cpu()
        found[0] += functional.cross_entropy(logits, here, reduction="sum")
        right = here[logits.argmax(dim=1) == here]
        found[1:] += torch.cat([torch.bincount(each, minlength=classes) for each in (right, here)])
    found = accelerator.reduce(found.to(accelerator.device), "sum").cpu()
    numbers = [int(number) for number in found[1:].tolist()]
    recognised, counts = tuple(numbers[:classes]), tuple(numbers[classes:])
    return Validation(float(found[0]) / len(images), recognised, counts)
