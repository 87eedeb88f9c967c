"""The rows that a training's history grows by, one an epoch: curves, for people to look at."""

from __future__ import annotations

from model.position import Position
from model.validation import Validation


def add_row(
    position: Position,
    measured: Validation,
    epoch: float,
    learning_rate: float,
    batch_size: int,
    imbalanced: bool,
) -> None:
    """Add the row of the epoch that ended to a position, and begin the sums of the next."""
    seconds = position.wall_seconds - sum(row["seconds"] for row in position.history)
    position.history.append(
        {
            "epoch": epoch,
            "loss": round(position.loss_sum / position.loss_steps, 4),
            "validation_accuracy": round(measured.accuracy, 4),
            "validation_loss": round(measured.loss, 4),
            "learning_rate": learning_rate,
            "images_per_second": round(position.loss_steps * batch_size / seconds, 1),
            "seconds": round(seconds, 1),
            **(measured.by_class(position.labels) if imbalanced else {}),
        }
    )
    position.loss_sum, position.loss_steps = 0.0, 0
