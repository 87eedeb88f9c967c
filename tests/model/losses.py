"""Trains as configured and writes the loss of every step: a program for the tests.

python -m tests.model.losses CONFIGURATION OUTPUT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from model.learner import Learner
from model.train import train
from model.training_config import TrainingConfig


def train_and_tell(config: TrainingConfig, output: Path) -> None:
    """Write the losses of all steps as JSON, from the first process."""
    losses: list[float] = []
    step = Learner.step

    def told(learner, *arguments):
        loss, accuracy = step(learner, *arguments)
        losses.append(float(loss))
        if learner.accelerator.is_main_process:
            output.write_text(json.dumps(losses))
        return loss, accuracy

    Learner.step = told
    train(config)


if __name__ == "__main__":
    train_and_tell(TrainingConfig.model_validate_json(sys.argv[1]), Path(sys.argv[2]))
