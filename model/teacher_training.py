"""The training of a convolutional teacher: from a TeacherConfig to a run folder with its ONNX.

The order of an epoch comes from (seed, epoch), and the changes of its images from (seed, step). So
the position alone says how to go on: a resumed training gives the weights of an uninterrupted one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from model.augment import random_shift
from model.convolutional_learner import ConvolutionalLearner
from model.data import read_training_data
from model.draws import Draws
from model.history import add_row
from model.images import (
    MEASURED_BATCH,
    DecodedImages,
    TrainingImages,
    epoch_order,
    read_training_images,
)
from model.model_input import ModelInput
from model.position import RANDOM_NUMBERS, Position, check_resumable, load_state, save_state
from model.reporter import Reporter
from model.teacher_config import TeacherConfig
from model.teacher_file import TEACHER_GRAPH, export_teacher, save_teacher

EVALUATION_BATCH = 500
REPORT_STEPS = 10
WHITENING_IMAGES = 5000


class TeacherTraining:
    """One training in progress; `position` and `learner` always stand at the same step."""

    def __init__(self, config: TeacherConfig, images: TrainingImages) -> None:
        self.config = config
        self.images = images
        cuda = config.device == "auto" and torch.cuda.is_available()
        self.device = torch.device("cuda" if cuda else "cpu")
        self.model_input = ModelInput(images.preprocessing, self.device)
        held = images.train
        self.train_images = held.to(self.device) if isinstance(held, DecodedImages) else held
        self.learner = ConvolutionalLearner(config, len(images.labels), self.device)
        self.position = Position(
            config.model_dump(mode="json"),
            list(images.labels),
            len(images.train),
            random_numbers=RANDOM_NUMBERS,
        )
        self.batch_size = min(config.batch_size, len(images.train))
        self.steps_per_epoch = len(images.train) // self.batch_size
        self.steps = self.steps_per_epoch * config.epochs

    def begin(self) -> None:
        """Go to where the run folder's training stands, or start with a whitened first layer."""
        state = load_state(self.config.run)
        if state is None:
            order = epoch_order(self.config.seed, 0, len(self.train_images))[:WHITENING_IMAGES]
            batches = self.train_images.batches(torch.split(order, MEASURED_BATCH))
            self.learner.whiten(self.model_input(torch.cat([images for images, _ in batches])))
            return
        tensors, saved = state
        check_resumable(self.config.run, saved, self.position, TeacherConfig)
        self.position = saved
        self.learner.restore(tensors)

    def run(self) -> None:
        """Train to the end, leaving the weights so far after every epoch; then export them."""
        run, position = self.config.run, self.position
        if position.done and (run / TEACHER_GRAPH).is_file():
            return
        with Reporter(run, position.step) as reporter:
            while not position.done:
                self.epoch(reporter)
        export_teacher(run)

    def epoch(self, reporter: Reporter) -> None:
        """Train to the end of the epoch that the position stands in."""
        config, position = self.config, self.position
        began = time.perf_counter() - position.wall_seconds
        measures: list[Tensor] = []  # of the steps since the last report
        reported = position.wall_seconds
        for chosen, pixels, targets in self.batches():
            measures.append(self.step(chosen, pixels, targets))
            position.wall_seconds = time.perf_counter() - began
            ends = position.step % self.steps_per_epoch == 0
            saves = position.step % config.checkpoint_steps == 0
            if position.step % REPORT_STEPS == 0 or saves or ends:
                self.report(reporter, torch.stack(measures), position.wall_seconds - reported)
                measures, reported = [], position.wall_seconds
            if saves and not ends:
                save_state(config.run, self.learner.tensors(), position)
        accuracy = self.validation_accuracy()
        position.wall_seconds = time.perf_counter() - began
        self.end_epoch(reporter, accuracy)

    def batches(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Give the rest of the epoch: numbers [b] in the training part, pixels, class numbers."""
        epoch, first = divmod(self.position.step, self.steps_per_epoch)
        order = epoch_order(self.config.seed, epoch, len(self.train_images))
        rest = torch.split(order, self.batch_size)[first : self.steps_per_epoch]
        for chosen, (pixels, targets) in zip(rest, self.train_images.batches(rest), strict=True):
            yield chosen, pixels, targets

    def step(self, chosen: Tensor, pixels: Tensor, targets: Tensor) -> Tensor:
        """Learn from a batch; give the loss and the accuracy, [2]."""
        position = self.position
        mirrored = self.mirrored(position.step // self.steps_per_epoch)[chosen]
        changed = self.changed(self.model_input(pixels), mirrored.to(self.device))
        progress = position.step / self.steps
        measures = self.learner.step(changed, targets.to(self.device), progress, position.step + 1)
        position.step += 1
        position.images_seen += self.batch_size
        return measures

    def mirrored(self, epoch: int) -> Tensor:
        """Say of every training image whether this epoch shows it mirrored, bool [n].

        Epochs alternate, so that each image is seen both ways equally often (Jordan, 2024).
        """
        start = np.random.default_rng([self.config.seed]).integers(0, 2, len(self.train_images))
        return torch.from_numpy((start + epoch) % 2 == 1)

    def changed(self, images: Tensor, mirrored: Tensor) -> Tensor:
        """Mirror the images that are to be, and shift all of them a little."""
        images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
        draws = Draws(self.config.seed, self.position.step, len(images))
        return random_shift(images, self.config.shift, draws) if self.config.shift else images

    def report(self, reporter: Reporter, measures: Tensor, seconds: float) -> None:
        """Move losses and accuracies [steps, 2] to the position, and show their means."""
        position = self.position
        loss, accuracy = measures.mean(dim=0).tolist()
        position.loss_sum += float(measures[:, 0].sum())
        position.loss_steps += len(measures)
        progress = position.step / self.steps
        reporter.steps(
            position.step,
            progress,
            loss=loss,
            accuracy=accuracy,
            images_per_second=len(measures) * self.batch_size / seconds,
            seconds_left=position.wall_seconds * (1 / progress - 1),
        )

    def end_epoch(self, reporter: Reporter, validation_accuracy: float) -> None:
        position = self.position
        epoch, rate = position.step // self.steps_per_epoch, self.learner.learning_rate
        measures = {"validation_accuracy": validation_accuracy}
        add_row(position, epoch, measures, rate, self.batch_size)
        position.done = position.step >= self.steps
        reporter.epoch(position.step, position.history)
        save_state(self.config.run, self.learner.tensors(), position)
        save_teacher(
            self.config.run,
            self.learner.load_average(),
            self.images.labels,
            self.images.preprocessing,
            position,
        )

    @torch.no_grad()
    def validation_accuracy(self) -> float:
        """Give the averaged network's accuracy on the validation part."""
        model, images = self.learner.load_average(), self.images.validation
        right = 0
        for pixels, targets in images.batches(
            torch.split(torch.arange(len(images)), EVALUATION_BATCH)
        ):
            logits = self.learner.logits(model, self.model_input(pixels))
            right += int((logits.argmax(dim=1).cpu() == targets).sum())
        return right / len(images)


def train_teacher(config: TeacherConfig) -> Path:
    """Train as configured, or go on with what the run folder holds; give the run folder.

    Raises DataError for data that cannot be trained on, and InvalidInput where the run folder
    holds another training.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    max_bytes = int(config.memory_gib * 2**30)
    data = read_training_data(config.data, config.validation_share, config.seed, max_bytes)
    images = read_training_images(data, config.image_size, config.seed, max_bytes, config.workers)
    training = TeacherTraining(config, images)
    training.begin()
    training.run()
    return config.run
