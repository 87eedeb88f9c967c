"""How well a model does on the validation part, and which epoch was the best by that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor, nn
from torch.nn import functional

from model.images import Images

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
) -> Validation:
    """Measure a model that takes `model_input` of the images and gives logits [B, C].

    Every process measures all images; all go by what the first one found, so that they agree on
    when to stop.
    """
    loss = torch.zeros((), dtype=torch.float64)
    recognised, counts = (torch.zeros(classes, dtype=torch.long) for _ in range(2))
    for batch, targets in images.batches(torch.split(torch.arange(len(images)), VALIDATION_BATCH)):
        with accelerator.autocast():
            logits = model(model_input(batch)).float().cpu()
        here = targets.cpu()
        loss += functional.cross_entropy(logits, here, reduction="sum")
        recognised += torch.bincount(here[logits.argmax(dim=1) == here], minlength=classes)
        counts += torch.bincount(here, minlength=classes)
    if accelerator.num_processes > 1:
        found = torch.cat([loss[None], recognised.double()]).to(accelerator.device)
        found = broadcast(found).cpu()
        loss, recognised = found[0], found[1:].long()
    return Validation(float(loss) / len(images), tuple(recognised.tolist()), tuple(counts.tolist()))
