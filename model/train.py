"""The training loop: from a TrainingConfig to a run folder with a checkpoint.

All randomness of a step is drawn from a generator seeded with (seed, step, process), and the data
order of an epoch from (seed, epoch). So the position alone says how to go on, and a resumed run
gives the weights that an uninterrupted one gives.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import logging
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor
from torch.optim import Optimizer

from model.augment import random_flip, random_shift
from model.checkpoint import load_state, save_checkpoint, save_state, write_atomically
from model.data import ImageSet, Picture, decode_pictures, find_pictures, split_stratified
from model.initialization import initialize
from model.loss import cross_entropy
from model.optim import WeightAverage, build_optimizers, schedule_factor, set_learning_rate
from model.training_config import TrainingConfig
from model.vit import VisionTransformer

logger = logging.getLogger(__name__)


def step_seed(seed: int, step: int, process: int) -> int:
    """Give one generator seed for a step of a process."""
    return int(np.random.SeedSequence([seed, step, process]).generate_state(1, np.uint64)[0] >> 1)


def epoch_order(seed: int, epoch: int, images: int) -> Tensor:
    """Give the order in which an epoch visits the images."""
    return torch.from_numpy(np.random.default_rng([seed, epoch]).permutation(images))


class Run:
    """One training, in memory; `position` says exactly how far it is."""

    def __init__(self, config: TrainingConfig) -> None:
        self.config = config
        if config.threads:
            torch.set_num_threads(config.threads)
        self.accelerator = Accelerator(
            mixed_precision=config.precision, cpu=config.device == "cpu"
        )
        self.labels, self.train_set, self.validation_set = self.read_data()
        self.device = self.accelerator.device
        self.shape = config.model_shape(len(self.labels))
        torch.manual_seed(config.seed)
        self.model = VisionTransformer(self.shape)
        initialize(self.model, config.initialization)
        self.average_model = VisionTransformer(self.shape).to(self.device).eval()
        if config.compile:
            self.model.compile()
        self.optimizers: list[Optimizer] = build_optimizers(
            self.model,
            config.optimizer,
            config.learning_rate,
            config.muon_learning_rate,
            config.weight_decay,
        )
        pixels = self.train_set.images.float() / 255
        self.mean = tuple(round(value, 4) for value in pixels.mean((0, 2, 3)).tolist())
        self.std = tuple(round(value, 4) for value in pixels.std((0, 2, 3)).tolist())
        self.position: dict[str, Any] = {
            "step": 0, "images_seen": 0, "wall_seconds": 0.0, "history": [], "losses": [0.0, 0],
            "done": False,
        }
        self.prepared, *self.prepared_optimizers = self.accelerator.prepare(
            self.model, *self.optimizers
        )
        self.average = WeightAverage(self.model, config.ema_decay)

    def read_data(self) -> tuple[tuple[str, ...], ImageSet, ImageSet]:
        config = self.config
        parts: dict[str, list[Picture]] = {"train": [], "validation": [], "test": []}
        for source in config.data:
            for part, pictures in find_pictures(Path(source)).items():
                parts[part] += pictures
        train, validation = parts["train"], parts["validation"]
        labels = tuple(sorted({picture.label for picture in train}))
        if not validation:
            train, validation = split_stratified(train, config.validation_share, config.seed)
        size = (config.image_size, config.image_size)
        return labels, decode_pictures(train, labels, size), decode_pictures(validation, labels, size)

    @property
    def steps_per_epoch(self) -> int:
        return max(1, len(self.train_set) // self.config.batch_size)

    def progress(self, wall_seconds: float) -> float:
        if self.config.budget_minutes is None:
            return self.position["step"] / (self.steps_per_epoch * self.config.epochs)
        share = torch.tensor([wall_seconds / (60 * self.config.budget_minutes)], device=self.device)
        return float(broadcast(share).item())

    def normalized(self, images: Tensor) -> Tensor:
        mean = torch.tensor(self.mean, device=self.device)[:, None, None]
        std = torch.tensor(self.std, device=self.device)[:, None, None]
        return (images.to(self.device).float() / 255 - mean) / std

    def batch(self) -> tuple[Tensor, Tensor]:
        step, config = self.position["step"], self.config
        epoch, index = divmod(step, self.steps_per_epoch)
        if self.order_epoch != epoch:
            self.order_epoch, self.order = epoch, epoch_order(config.seed, epoch, len(self.train_set))
        chosen = self.order[index * config.batch_size : (index + 1) * config.batch_size]
        chosen = chosen[self.accelerator.process_index :: self.accelerator.num_processes]
        images = self.normalized(self.train_set.images[chosen])
        if config.flip:
            images = random_flip(images)
        if config.shift:
            images = random_shift(images, config.shift)
        return images, self.train_set.targets[chosen].to(self.device)

    def step(self, progress: float) -> float:
        config, step = self.config, self.position["step"]
        torch.manual_seed(step_seed(config.seed, step, self.accelerator.process_index))
        self.model.config = dataclasses.replace(
            self.shape, patch_drop=config.patch_drop_at(progress)
        )
        set_learning_rate(self.optimizers, schedule_factor(progress, config.warmup, config.decay))
        images, targets = self.batch()
        loss = cross_entropy(self.prepared(images), targets, config.label_smoothing)
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.model.parameters(), config.gradient_clip)
        for optimizer in self.prepared_optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.position["step"] += 1
        self.position["images_seen"] += min(config.batch_size, len(self.train_set))
        self.average.update(self.model, self.position["step"])
        return float(loss.detach())

    @torch.no_grad()
    def validation_accuracy(self) -> float:
        self.average_model.load_state_dict(self.average.weights)
        right = 0
        for start in range(0, len(self.validation_set), 500):
            images = self.validation_set.images[start : start + 500]
            with self.accelerator.autocast():
                logits = self.average_model(self.normalized(images))
            targets = self.validation_set.targets[start : start + 500].to(self.device)
            right += int((logits.argmax(1) == targets).sum())
        return right / len(self.validation_set)

    def state_tensors(self) -> dict[str, Tensor]:
        tensors = {f"model/{name}": weight for name, weight in self.model.state_dict().items()}
        tensors |= {f"average/{name}": weight for name, weight in self.average.weights.items()}
        names = {parameter: name for name, parameter in self.model.named_parameters()}
        for optimizer in self.optimizers:
            for parameter, values in optimizer.state.items():
                for key, value in values.items():
                    tensors[f"optimizer/{names[parameter]}/{key}"] = value
        return tensors

    def restore(self, tensors: dict[str, Tensor], position: dict[str, Any]) -> None:
        self.position = position
        parameters = dict(self.model.named_parameters())
        owners = {
            parameter: optimizer
            for optimizer in self.optimizers
            for group in optimizer.param_groups
            for parameter in group["params"]
        }
        weights: dict[str, Tensor] = {}
        for name, tensor in tensors.items():
            kind, _, rest = name.partition("/")
            if kind == "model":
                weights[rest] = tensor
            elif kind == "average":
                self.average.weights[rest] = tensor.to(self.device)
            else:
                parameter_name, key = rest.split("/")
                parameter = parameters[parameter_name]
                place = tensor if key == "step" else tensor.to(self.device)
                owners[parameter].state[parameter][key] = place
        self.model.load_state_dict(weights)

    def provenance(self) -> dict[str, Any]:
        config = self.config
        return {
            "dataset": ", ".join(Path(source).name for source in config.data),
            "dataset_images": len(self.train_set),
            "recipe": config.recipe,
            "command": " ".join(["python", *sys.argv]),
            "seed": config.seed,
            "epochs": round(self.position["step"] / self.steps_per_epoch, 2),
            "images_seen": self.position["images_seen"],
            "wall_seconds": round(self.position["wall_seconds"], 1),
            "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
            "commit": subprocess.run(
                ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False
            ).stdout.strip(),
            "history": self.position["history"],
            "config": config.model_dump(mode="json"),
        }

    def preprocessing(self) -> dict[str, Any]:
        size = [self.config.image_size, self.config.image_size]
        return {
            "resize": "shortest_edge", "size": size, "crop": size, "interpolation": "bicubic",
            "rescale": 1 / 255, "mean": list(self.mean), "std": list(self.std),
        }

    def save(self) -> None:
        if not self.accelerator.is_main_process:
            return
        run = self.config.run
        save_state(run, self.state_tensors(), self.position)
        save_checkpoint(
            run, self.average.weights, self.shape, self.labels, self.preprocessing(), self.provenance()
        )
        rows = io.StringIO()
        if self.position["history"]:
            writer = csv.DictWriter(rows, list(self.position["history"][0]))
            writer.writeheader()
            writer.writerows(self.position["history"])
            write_atomically(run / "metrics.csv", rows.getvalue().encode())

    def train(self) -> Path:
        self.order_epoch = -1
        state = load_state(self.config.run)
        if state is not None:
            self.restore(*state)
            logger.info("resuming at step %d", self.position["step"])
        began = time.perf_counter() - self.position["wall_seconds"]
        epoch_start, epoch_step = time.perf_counter(), self.position["step"]
        while not self.position["done"]:
            progress = self.progress(time.perf_counter() - began)
            if progress < 1:
                self.model.train()
                loss = self.step(progress)
                self.position["losses"][0] += loss
                self.position["losses"][1] += 1
                if self.position["step"] % 20 == 0:
                    elapsed = time.perf_counter() - epoch_start
                    logger.info(
                        "step %d  progress %.4f  loss %.4f  images/s %.0f",
                        self.position["step"], progress, loss,
                        (self.position["step"] - epoch_step) * self.config.batch_size / elapsed,
                    )
            step = self.position["step"]
            self.position["done"] = progress >= 1
            if step % self.steps_per_epoch == 0 or self.position["done"]:
                seconds = time.perf_counter() - epoch_start
                total, count = self.position["losses"]
                self.position["history"].append({
                    "epoch": round(step / self.steps_per_epoch, 2),
                    "loss": round(total / max(count, 1), 4),
                    "validation_accuracy": self.validation_accuracy(),
                    "learning_rate": self.optimizers[-1].param_groups[0]["lr"],
                    "images_per_second": round(
                        (step - epoch_step) * self.config.batch_size / seconds, 1),
                    "seconds": round(seconds, 1),
                })
                self.position["losses"] = [0.0, 0]
                logger.info("%s", self.position["history"][-1])
                epoch_start, epoch_step = time.perf_counter(), step
            if step % self.config.checkpoint_steps == 0 or self.position["done"]:
                self.position["wall_seconds"] = time.perf_counter() - began
                self.save()
        return self.config.run


def train(config: TrainingConfig) -> Path:
    """Train as configured, resuming what the run folder holds; give the run folder."""
    return Run(config).train()
