"""The best epoch so far: its averaged weights, which export takes, and how good it is.

The epochs go on being trained from the last one. The best stands aside until a better one comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

PREFIX = "best/"


class BestEpoch:
    """Keeps the weights that belong to `record`, the best epoch's measures; both None at first."""

    def __init__(self) -> None:
        self.record: dict[str, Any] | None = None
        self.weights: dict[str, Tensor] | None = None

    def offer(self, record: dict[str, Any], measure: str, weights: Mapping[str, Tensor]) -> None:
        """Take an epoch if its `measure`, an accuracy, is above the best one's.

        Of equal accuracies the lower `validation_loss` is better: a small validation part has few
        accuracies to tell epochs apart by.
        """
        before = self.record
        if before is None or _rank(record, measure) > _rank(before, measure):
            self.record = record
            self.weights = {name: weight.clone() for name, weight in weights.items()}

    def is_over(self, epoch: float, patience: int | None) -> bool:
        """Say whether `patience` epochs have gone by at `epoch` since the best one."""
        if patience is None or self.record is None:
            return False
        return epoch - float(self.record["epoch"]) >= patience

    def tensors(self) -> dict[str, Tensor]:
        """Give the weights under names that set them apart in a state; none before the first."""
        return {PREFIX + name: weight for name, weight in (self.weights or {}).items()}

    def restore(self, record: dict[str, Any] | None, tensors: dict[str, Tensor]) -> None:
        """Take the own tensors out of a state, and the record that belongs to them."""
        names = [name for name in tensors if name.startswith(PREFIX)]
        weights = {name.removeprefix(PREFIX): tensors.pop(name) for name in names}
        self.record, self.weights = record, weights or None


def _rank(record: dict[str, Any], measure: str) -> tuple[float, float]:
    return float(record[measure]), -float(record["validation_loss"])
