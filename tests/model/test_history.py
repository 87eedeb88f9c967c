"""A row tells one epoch: means over its steps, and its own share of the time."""

from __future__ import annotations

from model.history import add_row
from model.position import Position

MEASURES = {"validation_accuracy": 0.5, "validation_loss": 0.51239, "recognised/ant": 3}


def test_rows_share_the_time_and_the_sums_begin_anew(tiny_config):
    position = Position(tiny_config().model_dump(mode="json"), ["ant", "bee"], 40)
    for wall, loss in ((2.0, 6.0), (5.0, 3.0)):
        position.wall_seconds, position.loss_sum, position.loss_steps = wall, loss, 4
        add_row(position, wall, MEASURES, 0.01, batch_size=10)
        assert (position.loss_sum, position.loss_steps) == (0, 0)
    first, second = position.history
    assert (first["seconds"], second["seconds"]) == (2.0, 3.0)
    assert (first["loss"], second["loss"]) == (1.5, 0.75)
    assert (first["images_per_second"], second["images_per_second"]) == (20.0, 13.3)
    assert (first["validation_accuracy"], first["validation_loss"]) == (0.5, 0.5124)
    assert first["recognised/ant"] == 3
