"""What a student learns from a teacher: two losses, and DeiT's token with a head of its own.

Sources: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015 (soft); Touvron et al.,
"Training data-efficient image transformers & distillation through attention" (DeiT), ICML 2021
(hard, and the token).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from model.training_config import TrainingConfig
from model.vit import VisionTransformer


def soft_loss(logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """Give the mean Kullback-Leibler divergence from the teacher's probabilities, in nats.

    Both logits [B, C] are divided by `temperature` first. The mean is multiplied by its square, so
    that the gradients keep their size at any temperature.
    """
    student = (logits.float() / temperature).log_softmax(dim=1)
    teacher = (taught.float() / temperature).log_softmax(dim=1)
    divergence = functional.kl_div(student, teacher, reduction="batchmean", log_target=True)
    return divergence * temperature**2


def hard_loss(logits: Tensor, taught: Tensor) -> Tensor:
    """Give the mean cross-entropy with the class that the teacher finds likeliest, in nats."""
    return functional.cross_entropy(logits.float(), taught.argmax(dim=1))


def distilled(loss: Tensor, following: Tensor, taught: Tensor, config: TrainingConfig) -> Tensor:
    """Give the whole loss: `distillation_weight` of it from the teacher, the rest `loss`.

    `following` are the student's logits [B, C] that follow the teacher's, `taught` [B, C].
    """
    share = config.distillation_weight
    if config.distillation == "hard":
        teaching = hard_loss(following, taught)
    else:
        teaching = soft_loss(following, taught, config.distillation_temperature)
    return (1 - share) * loss + share * teaching


class TwoHeads(nn.Module):
    """The two halves of a student's head, each with logits of its own while it trains.

    The head reads the class token's output beside the distillation token's. At inference it adds
    both halves; each half doubled gives the logits of one token, and what inference gives is their
    mean, as in DeiT. The bias is common to both.
    """

    def __init__(self, model: VisionTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Give the logits [B, C] of the class token, and of the distillation token."""
        head, readout = self.model.head, self.model.features(images)  # [B, 2 d]
        of_class, of_distillation = (
            functional.linear(tokens, 2 * weight, head.bias)
            for tokens, weight in zip(readout.chunk(2, 1), head.weight.chunk(2, 1), strict=True)
        )
        return of_class, of_distillation
