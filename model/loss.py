"""The loss: cross-entropy between the predicted and the true classes (step 24 of the guide)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def cross_entropy(logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Give the mean over the batch of -sum target log softmax(logits), in nats.

    `logits` are [B, C]; `targets` are class numbers [B], or probabilities [B, C] as mixup makes
    them. `label_smoothing` moves that share of every target to all classes equally (Szegedy et
    al., "Rethinking the Inception Architecture", CVPR 2016).
    """
    return functional.cross_entropy(logits.float(), targets, label_smoothing=label_smoothing)
