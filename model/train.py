"""The training loop: from a TrainingConfig to a run folder with a checkpoint.

All randomness of a step is drawn from a generator seeded with (seed, step, process), and the order
of an epoch from (seed, epoch). So the position alone says how to go on, and a resumed run gives the
weights that an uninterrupted one gives.
"""

from __future__ import annotations

import csv
import io
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from rich.console import Console
from torch import Tensor

from model.augment import random_flip, random_shift
from model.checkpoint import load_state, save_checkpoint, save_state, write_atomically
from model.data import read_training_data
from model.images import Batch, Images, read_images
from model.learner import Learner
from model.training_config import TrainingConfig
from service.contract import Preprocessing

STATISTICS_IMAGES = 10_000
VALIDATION_BATCH = 500
LOG_STEPS = 20


@dataclass
class Position:
    """How far a training is; with the learner's tensors, all that resuming needs."""

    config: dict[str, Any]
    labels: list[str]
    train_images: int
    step: int = 0
    images_seen: int = 0
    wall_seconds: float = 0.0
    loss_sum: float = 0.0
    loss_steps: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    done: bool = False


def step_seed(seed: int, step: int, process: int) -> int:
    """Give one generator seed for a step of a process."""
    return int(np.random.SeedSequence([seed, step, process]).generate_state(1, np.uint64)[0] >> 1)


def epoch_order(seed: int, epoch: int, images: int) -> Tensor:
    """Give the order in which an epoch visits the images."""
    return torch.from_numpy(np.random.default_rng([seed, epoch]).permutation(images))


class Training:
    """One training in progress; `position` and `learner` always stand at the same step."""

    def __init__(self, config: TrainingConfig) -> None:
        self.config = config
        if config.threads:
            torch.set_num_threads(config.threads)
        self.accelerator = Accelerator(mixed_precision=config.precision, cpu=config.device == "cpu")
        self.console = Console(stderr=True, highlight=False)
        self.device = self.accelerator.device
        max_bytes = int(config.memory_gib * 2**30)
        data = read_training_data(config.data, config.validation_share, config.seed, max_bytes)
        size = (config.image_size, config.image_size)
        fitting = Preprocessing(size=size, crop=size, mean=(0, 0, 0), std=(1, 1, 1))
        read = (data.labels, fitting, max_bytes, config.workers)
        self.train_images: Images = read_images(data.train, *read)
        self.validation_images: Images = read_images(data.validation, *read)
        self.preprocessing = self.measured(fitting)
        self.learner = Learner(config, len(data.labels), self.accelerator)
        self.position = Position(
            config.model_dump(mode="json"), list(data.labels), len(self.train_images)
        )
        self.batch_size = min(config.batch_size, len(self.train_images))
        self.steps_per_epoch = len(self.train_images) // self.batch_size

    def measured(self, preprocessing: Preprocessing) -> Preprocessing:
        """Fill in the training images' mean and standard deviation per channel."""
        order = epoch_order(self.config.seed, 0, len(self.train_images))[:STATISTICS_IMAGES]
        images = torch.cat([images for images, _ in self.train_images.batches(order.split(500))])
        levels = images.float() / 255
        mean = [round(value, 4) for value in levels.mean((0, 2, 3)).tolist()]
        std = [round(max(value, 1e-4), 4) for value in levels.std((0, 2, 3)).tolist()]
        return Preprocessing.model_validate(
            {**preprocessing.model_dump(), "mean": mean, "std": std}
        )

    def normalized(self, images: Tensor) -> Tensor:
        mean = torch.tensor(self.preprocessing.mean, device=self.device)[:, None, None]
        std = torch.tensor(self.preprocessing.std, device=self.device)[:, None, None]
        return (images.to(self.device).float() / 255 - mean) / std

    def batches(self) -> Iterator[Batch]:
        """Give this process's share of every batch from the position on, epoch after epoch."""
        process, processes = self.accelerator.process_index, self.accelerator.num_processes
        epoch, index = divmod(self.position.step, self.steps_per_epoch)
        while True:
            order = epoch_order(self.config.seed, epoch, len(self.train_images))
            whole = order[: self.steps_per_epoch * self.batch_size].split(self.batch_size)
            yield from self.train_images.batches([b[process::processes] for b in whole[index:]])
            epoch, index = epoch + 1, 0

    def progress(self, wall_seconds: float) -> float:
        if self.config.budget_minutes is None:
            return self.position.step / (self.steps_per_epoch * self.config.epochs)
        share = torch.tensor([wall_seconds / (60 * self.config.budget_minutes)], device=self.device)
        return float(broadcast(share).item())  # all processes go by the first one's clock

    def augmented(self, images: Tensor) -> Tensor:
        images = self.normalized(images)
        if self.config.flip:
            images = random_flip(images)
        if self.config.shift:
            images = random_shift(images, self.config.shift)
        return images

    @torch.no_grad()
    def validation_accuracy(self) -> float:
        model = self.learner.load_average()
        order = torch.arange(len(self.validation_images)).split(VALIDATION_BATCH)
        right = 0
        for images, targets in self.validation_images.batches(order):
            with self.accelerator.autocast():
                logits = model(self.normalized(images))
            right += int((logits.argmax(dim=1).cpu() == targets).sum())
        return right / len(self.validation_images)

    def provenance(self) -> dict[str, Any]:
        config, position = self.config, self.position
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
        return {
            "dataset": ", ".join(Path(source).name for source in config.data),
            "dataset_images": position.train_images,
            "recipe": config.recipe,
            "command": shlex.join([Path(sys.orig_argv[0]).name, *sys.orig_argv[1:]]),
            "seed": config.seed,
            "epochs": round(position.step / self.steps_per_epoch, 2),
            "images_seen": position.images_seen,
            "wall_seconds": round(position.wall_seconds, 1),
            "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
            "commit": commit.stdout.strip(),
            "history": position.history,
            "config": position.config,
        }

    def log(self, line: str) -> None:
        if self.accelerator.is_main_process:
            self.console.print(f"{time.strftime('%H:%M:%S')}  {line}", soft_wrap=True)

    def save(self) -> None:
        if not self.accelerator.is_main_process:
            return
        run, learner = self.config.run, self.learner
        save_state(run, learner.tensors(), asdict(self.position))
        save_checkpoint(
            run,
            learner.average.weights,
            learner.shape,
            tuple(self.position.labels),
            self.preprocessing.model_dump(mode="json", exclude={"background"}),
            self.provenance(),
        )
        if self.position.history:
            rows = io.StringIO()
            writer = csv.DictWriter(rows, list(self.position.history[0]))
            writer.writeheader()
            writer.writerows(self.position.history)
            write_atomically(run / "metrics.csv", rows.getvalue().encode())

    def run(self) -> Path:
        config, position = self.config, self.position
        state = load_state(config.run)
        if state is not None:
            tensors, saved = state
            self.learner.restore(tensors)
            self.position = position = Position(**saved)
            self.log(f"resuming at step {position.step}")
        began = time.perf_counter() - position.wall_seconds
        epoch_began, epoch_step = time.perf_counter(), position.step
        batches = self.batches()
        progress = self.progress(position.wall_seconds)
        while not position.done:
            images, targets = next(batches)
            torch.manual_seed(step_seed(config.seed, position.step, self.accelerator.process_index))
            loss = self.learner.step(
                self.augmented(images), targets.to(self.device), progress, position.step + 1
            )
            position.step += 1
            position.images_seen += self.batch_size
            position.loss_sum += float(loss)
            position.loss_steps += 1
            progress = self.progress(time.perf_counter() - began)
            position.done = progress >= 1
            seconds = time.perf_counter() - epoch_began
            speed = (position.step - epoch_step) * self.batch_size / seconds
            if position.step % LOG_STEPS == 0:
                self.log(
                    f"step {position.step}  {100 * progress:.2f} %  loss {float(loss):.4f}  "
                    f"{speed:.0f} images/s"
                )
            if position.step % self.steps_per_epoch == 0 or position.done:
                position.history.append(
                    {
                        "epoch": round(position.step / self.steps_per_epoch, 2),
                        "loss": round(position.loss_sum / position.loss_steps, 4),
                        "validation_accuracy": round(self.validation_accuracy(), 4),
                        "learning_rate": self.learner.learning_rate,
                        "images_per_second": round(speed, 1),
                        "seconds": round(seconds, 1),
                    }
                )
                position.loss_sum, position.loss_steps = 0.0, 0
                self.log("  ".join(f"{key} {value}" for key, value in position.history[-1].items()))
                epoch_began, epoch_step = time.perf_counter(), position.step
            if position.step % config.checkpoint_steps == 0 or position.done:
                position.wall_seconds = time.perf_counter() - began
                self.save()
        return config.run


def train(config: TrainingConfig) -> Path:
    """Train as configured, resuming what the run folder holds; give the run folder."""
    return Training(config).run()
