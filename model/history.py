"""The rows that a training's history grows by, one an epoch: curves, for people to look at."""

from __future__ import annotations

from collections.abc import Mapping

from model.position import Position

DIGITS = 4


def add_row(
    position: Position,
    epoch: float,
    measures: Mapping[str, float],
    learning_rate: float,
    batch_size: int,
) -> None:
    """Add the row of the epoch that ended to a position, and begin the sums of the next.

    `measures` are those of the validation part, by name.
    """
    seconds = position.wall_seconds - sum(row["seconds"] for row in position.history)
    position.history.append(
        {
            "epoch": epoch,
            "loss": round(position.loss_sum / position.loss_steps, DIGITS),
            **{name: round(value, DIGITS) for name, value in measures.items()},
            "learning_rate": learning_rate,
            "images_per_second": round(position.loss_steps * batch_size / seconds, 1),
            "seconds": round(seconds, 1),
        }
    )
    position.loss_sum, position.loss_steps = 0.0, 0
