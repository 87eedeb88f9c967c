"""The training loop: from a TrainingConfig to a run folder with a checkpoint.

All randomness of a step is drawn from a generator seeded with (seed, step, process), and the order
of an epoch from (seed, epoch). So the position alone says how to go on, and a resumed run gives the
weights that an uninterrupted one gives.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor

from model.augment import Augmentation
from model.checkpoint import save_checkpoint
from model.data import read_training_data
from model.images import (
    Batch,
    DecodedImages,
    TrainingImages,
    epoch_order,
    read_training_images,
)
from model.learner import Learner
from model.position import Position, check_resumable, load_state, save_state
from model.provenance import provenance
from model.reporter import Reporter
from model.training_config import TrainingConfig
from service.errors import InvalidInput

EVALUATION_BATCH = 500
REPORT_STEPS = 20


def step_seed(seed: int, step: int, process: int) -> int:
    """Give one generator seed for a step of a process."""
    return int(np.random.SeedSequence([seed, step, process]).generate_state(1, np.uint64)[0] >> 1)


class Training:
    """One training in progress; `position` and `learner` always stand at the same step."""

    def __init__(
        self, config: TrainingConfig, accelerator: Accelerator, images: TrainingImages
    ) -> None:
        self.config = config
        self.accelerator = accelerator
        self.device = accelerator.device
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
        self.position = Position(
            config.model_dump(mode="json"), list(images.labels), len(images.train)
        )
        self.batch_size = min(config.batch_size, len(images.train))
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
        process, processes = self.accelerator.process_index, self.accelerator.num_processes
        epoch, index = divmod(self.position.step, self.steps_per_epoch)
        while True:
            order = epoch_order(self.config.seed, epoch, len(self.train_images))
            whole = torch.split(order[: self.steps_per_epoch * self.batch_size], self.batch_size)
            yield from self.train_images.batches(
                [batch[process::processes] for batch in whole[index:]]
            )
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
        position, process = self.position, self.accelerator.process_index
        torch.manual_seed(step_seed(self.config.seed, position.step, process))
        changed = self.augmentation.change(images.to(self.device).float() / 255)
        inputs, mixed = self.augmentation.mix(
            self.normalized(changed), targets.to(self.device), len(position.labels)
        )
        loss, accuracy = self.learner.step(inputs, mixed, progress, position.step + 1)
        position.step += 1
        position.images_seen += self.batch_size
        self.loss_sum += loss
        self.accuracy_sum += accuracy
        self.unreported_steps += 1

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
        """Give the averaged model's accuracy on the validation part."""
        model = self.learner.load_average()
        images = self.images.validation
        order = torch.split(torch.arange(len(images)), EVALUATION_BATCH)
        right = 0
        for batch, targets in images.batches(order):
            with self.accelerator.autocast():
                logits = model(self.normalized(batch.to(self.device).float() / 255))
            right += int((logits.argmax(dim=1).cpu() == targets).sum())
        return right / len(images)

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
    check_machine(config, accelerator.device, accelerator.num_processes)
    return accelerator


def check_machine(config: TrainingConfig, device: torch.device, processes: int) -> None:
    """Raise InvalidInput where the device or the processes cannot do what is asked."""
    if config.precision == "fp16" and device.type == "cpu":
        raise InvalidInput("precision fp16 needs a GPU, and there is none; choose bf16 or no")
    if config.batch_size % processes:
        raise InvalidInput(
            f"batch_size {config.batch_size} does not split over {processes} processes; "
            "choose a multiple"
        )


def train(config: TrainingConfig) -> Path:
    """Train as configured, or go on with what the run folder holds; give the run folder.

    Under `torchrun` every process takes its share of each batch and the first one writes. Raises
    DataError for data that cannot be trained on, and InvalidInput where the run folder holds
    another training or the machine cannot do what is asked.
    """
    accelerator = start_accelerator(config)
    max_bytes = int(config.memory_gib * 2**30)
    data = read_training_data(config.data, config.validation_share, config.seed, max_bytes)
    images = read_training_images(data, config.image_size, config.seed, max_bytes, config.workers)
    training = Training(config, accelerator, images)
    training.resume()
    training.run()
    accelerator.end_training()
    return config.run
