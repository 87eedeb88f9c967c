"""The training loop: from a TrainingConfig to a run folder with a checkpoint.

All random numbers of a step are drawn for the whole batch from (seed, step), and the order of an
epoch from (seed, epoch). So the position alone says how to go on: a resumed run gives the weights
that an uninterrupted one gives, and the number of processes does not change what is learnt.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor

from model.augment import Augmentation
from model.checkpoint import save_checkpoint
from model.data import read_training_data
from model.draws import Draws, step_seed
from model.images import (
    Batch,
    DecodedImages,
    TrainingImages,
    epoch_order,
    read_training_images,
)
from model.learner import Learner
from model.position import RANDOM_NUMBERS, Position, check_resumable, load_state, save_state
from model.processes import check_shares, told_of_losses
from model.provenance import provenance
from model.reporter import Reporter
from model.share import Share
from model.teacher import read_teacher
from model.training_config import TrainingConfig
from service.errors import InvalidInput

EVALUATION_BATCH = 500
REPORT_STEPS = 20


class Training:
    """One training in progress; `position` and `learner` always stand at the same step."""

    def __init__(
        self, config: TrainingConfig, accelerator: Accelerator, images: TrainingImages
    ) -> None:
        self.config = config
        self.accelerator = accelerator
        self.device = accelerator.device
        self.share = Share(accelerator.process_index, accelerator.num_processes)
        self.images = images
        held = images.train
        self.train_images = held.to(self.device) if isinstance(held, DecodedImages) else held
        self.augmentation = Augmentation(
            flip=config.flip,
            shift=config.shift,
            policy=config.policy,
            erasing=config.erasing,
            mixup=config.mixup,
            cutmix=config.cutmix,
        )
        self.learner = Learner(config, len(images.labels), accelerator)
        self.teacher = read_teacher(
            config, images.labels, images.preprocessing, self.device, accelerator.autocast
        )
        self.position = Position(
            config.model_dump(mode="json"),
            list(images.labels),
            len(images.train),
            random_numbers=RANDOM_NUMBERS,
            teacher=self.teacher.description if self.teacher else None,
        )
        self.batch_size = min(config.batch_size, len(images.train))
        check_shares(self.batch_size, self.share.processes, self.augmentation.mixes)
        self.steps_per_epoch = len(images.train) // self.batch_size
        self.loss_sum = torch.zeros((), device=self.device)  # since the last report
        self.accuracy_sum = torch.zeros((), device=self.device)
        self.unreported_steps, self.reported = 0, time.perf_counter()

    def resume(self) -> None:
        """Go to where the run folder's training stands, if there is one and it is this one."""
        state = load_state(self.config.run)
        if state is None:
            return
        tensors, saved = state
        check_resumable(self.config.run, saved, self.position)
        self.position = saved
        self.learner.restore(tensors)
        if saved.scaler is not None:
            self.accelerator.scaler.load_state_dict(saved.scaler)

    def run(self) -> None:
        """Train to the end, leaving a checkpoint every `checkpoint_steps` and at the end."""
        position = self.position
        with self.reporter() as reporter:
            began = time.perf_counter() - position.wall_seconds
            batches = self.batches()
            progress = self.progress()
            while not position.done:
                self.step(*next(batches), progress)
                position.wall_seconds = time.perf_counter() - began
                progress = self.progress()
                position.done = progress >= 1
                saves = position.step % self.config.checkpoint_steps == 0 or position.done
                ends_epoch = position.step % self.steps_per_epoch == 0 or position.done
                if position.step % REPORT_STEPS == 0 or saves or ends_epoch:
                    self.report(reporter, progress)
                if ends_epoch:
                    accuracy = self.validation_accuracy()
                    position.wall_seconds = time.perf_counter() - began
                    self.end_epoch(reporter, accuracy)
                if saves and self.accelerator.is_main_process:
                    self.save()

    def reporter(self) -> Reporter | nullcontext[None]:
        if not self.accelerator.is_main_process:
            return nullcontext()
        return Reporter(self.config.run, self.position.step)

    def batches(self) -> Iterator[Batch]:
        """Give this process's share of every batch from the position on, epoch after epoch."""
        return self.train_images.batches(self.shares())

    def shares(self) -> Iterator[Tensor]:
        """Give the numbers of the images in this process's share of every batch, without end."""
        epoch, index = divmod(self.position.step, self.steps_per_epoch)
        while True:
            order = epoch_order(self.config.seed, epoch, len(self.train_images))
            whole = torch.split(order[: self.steps_per_epoch * self.batch_size], self.batch_size)
            yield from (self.share.of(batch) for batch in whole[index:])
            epoch, index = epoch + 1, 0

    def progress(self) -> float:
        """Give the share of the training that is behind: of its time, or else of its steps."""
        if self.config.budget_minutes is None:
            return self.position.step / (self.steps_per_epoch * self.config.epochs)
        share = self.position.wall_seconds / (60 * self.config.budget_minutes)
        if self.accelerator.num_processes == 1:
            return share
        shares = torch.tensor([share], dtype=torch.float64, device=self.device)
        return float(broadcast(shares).item())  # all processes go by the first one's clock

    def step(self, images: Tensor, targets: Tensor, progress: float) -> None:
        """Learn from this process's share: images uint8 [b, 3, S, S], class numbers [b]."""
        position = self.position
        inputs, mixed = self.augmented(images.to(self.device), targets.to(self.device))
        taught = self.teacher.logits(inputs) if self.teacher else None
        torch.manual_seed(step_seed(self.config.seed, position.step))  # what the model draws from
        loss, accuracy = self.learner.step(inputs, mixed, progress, position.step + 1, taught)
        position.step += 1
        position.images_seen += self.batch_size
        self.loss_sum += loss
        self.accuracy_sum += accuracy
        self.unreported_steps += 1

    def augmented(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Give what the model learns from in this step: inputs [b, 3, S, S] and their targets.

        Targets are class numbers [b], or probabilities [b, C] where images are mixed.
        """
        draws = Draws(self.config.seed, self.position.step, self.batch_size, self.share)
        inputs = self.normalized(self.augmentation.change(images, draws))
        return self.augmentation.mix(inputs, targets, len(self.position.labels), draws)

    def normalized(self, levels: Tensor) -> Tensor:
        """Turn levels in [0, 1] into the model's input."""
        mean = torch.tensor(self.images.preprocessing.mean, device=self.device)[:, None, None]
        std = torch.tensor(self.images.preprocessing.std, device=self.device)[:, None, None]
        return (levels - mean) / std

    def report(self, reporter: Reporter | None, progress: float) -> None:
        """Move the sums to the position, and show the means since the last report."""
        position, steps = self.position, self.unreported_steps
        loss, accuracy = float(self.loss_sum), float(self.accuracy_sum)
        position.loss_sum += loss
        position.loss_steps += steps
        seconds = time.perf_counter() - self.reported
        if reporter is not None:
            reporter.steps(
                position.step,
                progress,
                loss=loss / steps,
                accuracy=accuracy / steps,
                images_per_second=steps * self.batch_size / seconds,
                seconds_left=position.wall_seconds * max(0.0, 1 / progress - 1),
            )
        self.loss_sum.zero_()
        self.accuracy_sum.zero_()
        self.unreported_steps, self.reported = 0, time.perf_counter()

    def end_epoch(self, reporter: Reporter | None, validation_accuracy: float) -> None:
        position = self.position
        seconds = position.wall_seconds - sum(row["seconds"] for row in position.history)
        position.history.append(
            {
                "epoch": round(position.step / self.steps_per_epoch, 2),
                "loss": round(position.loss_sum / position.loss_steps, 4),
                "validation_accuracy": round(validation_accuracy, 4),
                "learning_rate": self.learner.learning_rate,
                "images_per_second": round(position.loss_steps * self.batch_size / seconds, 1),
                "seconds": round(seconds, 1),
            }
        )
        position.loss_sum, position.loss_steps = 0.0, 0
        if reporter is not None:
            reporter.epoch(position.step, position.history)

    @torch.no_grad()
    def validation_accuracy(self) -> float:
        """Give the averaged model's accuracy on the validation part, to which all contribute."""
        model = self.learner.load_average()
        images = self.images.validation
        order = torch.split(self.share.of(torch.arange(len(images))), EVALUATION_BATCH)
        right = torch.zeros((), dtype=torch.long, device=self.device)
        for batch, targets in images.batches(order):
            with self.accelerator.autocast():
                logits = model(self.normalized(batch.to(self.device).float() / 255))
            right += (logits.argmax(dim=1) == targets.to(self.device)).sum()
        return int(self.accelerator.reduce(right, "sum")) / len(images)

    def save(self) -> None:
        run, learner, position = self.config.run, self.learner, self.position
        if self.accelerator.scaler is not None:
            position.scaler = self.accelerator.scaler.state_dict()
        save_state(run, learner.tensors(), position)
        save_checkpoint(
            run,
            learner.average.weights,
            learner.shape,
            tuple(position.labels),
            self.images.preprocessing.model_dump(mode="json", exclude={"background"}),
            provenance(position, epochs=position.step / self.steps_per_epoch),
        )


def start_accelerator(config: TrainingConfig) -> Accelerator:
    """Take the device, the precision and the processes that the configuration asks for."""
    if config.threads:
        torch.set_num_threads(config.threads)
    accelerator = Accelerator(mixed_precision=config.precision, cpu=config.device == "cpu")
    check_device(config, accelerator.device)
    return accelerator


def check_device(config: TrainingConfig, device: torch.device) -> None:
    """Raise InvalidInput where the device cannot do what is asked."""
    if config.precision == "fp16" and device.type == "cpu":
        raise InvalidInput("precision fp16 needs a GPU, and there is none; choose bf16 or no")


def train(config: TrainingConfig) -> Path:
    """Train as configured, or go on with what the run folder holds; give the run folder.

    Under `torchrun` every process takes its share of each batch and the first one writes. Raises
    DataError for data that cannot be trained on, InvalidInput where the run folder holds another
    training, the teacher is missing or does not fit, or the machine cannot do what is asked, and
    ProcessLost where another process died.
    """
    accelerator = start_accelerator(config)
    max_bytes = int(config.memory_gib * 2**30)
    data = read_training_data(config.data, config.validation_share, config.seed, max_bytes)
    images = read_training_images(data, config.image_size, config.seed, max_bytes, config.workers)
    with told_of_losses(config.run, accelerator.num_processes):
        training = Training(config, accelerator, images)
        training.resume()
        training.run()
    accelerator.end_training()
    return config.run
