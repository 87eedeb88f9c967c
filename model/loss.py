"""The loss: cross-entropy between the predicted and the true classes (step 24 of the guide)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def cross_entropy(
    logits: Tensor,
    targets: Tensor,
    label_smoothing: float = 0.0,
    class_weights: Tensor | None = None,
) -> Tensor:
    """Give the mean over the batch of -sum target log softmax(logits), in nats.

    `logits` are [B, C]; `targets` are class numbers [B], or probabilities [B, C] as mixup makes
    them. `label_smoothing` moves that share of every target to all classes equally (Szegedy et
    al., "Rethinking the Inception Architecture", CVPR 2016). `class_weights` [C] weigh each image
    by its class, a mixed one by its mixture. The sum is still divided by B and not by the weights,
    so that the means of a batch's shares have the mean of the batch.
    """
    if class_weights is None:
        return functional.cross_entropy(logits.float(), targets, label_smoothing=label_smoothing)
    losses = functional.cross_entropy(
        logits.float(), targets, label_smoothing=label_smoothing, reduction="none"
    )  # [B]
    weights = class_weights[targets] if targets.ndim == 1 else targets @ class_weights  # [B]
    return (weights * losses).mean()
