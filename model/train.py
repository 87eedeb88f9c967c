"""A training as a whole: from a TrainingConfig to a run folder with a checkpoint."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from model.accelerator import start_accelerator
from model.data import TrainingData, read_training_data
from model.fine_tuning import resolved
from model.image_size import at_image_size
from model.images import TrainingImages, read_training_images
from model.initial_model import InitialModel, InitialWeights, described, initial_model_of
from model.processes import told_of_losses
from model.training import Training
from model.training_config import TrainingConfig

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Material:
    """What a training is made of: its data, its whole configuration, and where it starts from."""

    config: TrainingConfig
    data: TrainingData
    initial: InitialModel | None

    @classmethod
    def of(cls, config: TrainingConfig) -> Material:
        """Find it all, and fill in what depends on the data and the initial model.

        Raises DataError for data that cannot be trained on, and InvalidInput where the model to
        start from is missing or does not fit.
        """
        initial = initial_model_of(config)
        max_bytes = max_bytes_of(config)
        data = read_training_data(config.data, config.validation_share, config.seed, max_bytes)
        return cls(resolved(config, initial, data), data, initial)

    def images(self, data: TrainingData, workers: int) -> TrainingImages:
        """Read the pictures of `data` as the model is to see them."""
        config, initial = self.config, self.initial
        fitting = at_image_size(initial.preprocessing, config.image_size) if initial else None
        max_bytes = max_bytes_of(config)
        return read_training_images(
            data, config.image_size, config.seed, max_bytes, workers, fitting
        )

    def weights(self) -> InitialWeights | None:
        """Give the weights to start from, none for a start from scratch."""
        return self.initial.weights(self.config, self.data.labels) if self.initial else None


def max_bytes_of(config: TrainingConfig) -> int:
    """Give the bytes of pictures that a training may hold in memory."""
    return int(config.memory_gib * 2**30)


def train(config: TrainingConfig) -> Path:
    """Train as configured, or go on with what the run folder holds; give the run folder.

    Under `torchrun` every process takes its share of each batch and the first one writes. Raises
    DataError for data that cannot be trained on, InvalidInput where the run folder holds another
    training, the model to start from or the teacher is missing or does not fit, or the machine
    cannot do what is asked, and ProcessLost where another process died.
    """
    material = Material.of(config)
    config = material.config
    accelerator = start_accelerator(config)
    images, weights = material.images(material.data, config.workers), material.weights()
    if weights is not None:
        logger.info(described(weights))
    with told_of_losses(config.run, accelerator.num_processes):
        training = Training(config, accelerator, images, weights)
        training.resume()
        training.run()
        accelerator.wait_for_everyone()  # who ends long before the others may break their end
    accelerator.end_training()
    return config.run
