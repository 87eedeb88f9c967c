"""Measures how fast images are loaded against how fast a model learns from them.

All is measured in turns, round after round, so that what else the machine does meets all alike.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model.accelerator import start_accelerator
from model.images import Batch, Images, StreamedImages
from model.labelled import Progress
from model.sources import Picture
from model.train import Material
from model.training import Training
from model.training_config import TrainingConfig
from service.errors import InvalidInput

IN_MEMORY = "from memory"
IN_THREAD = "from disk by a thread"
FEWEST_BATCHES = 2
BATCHES_AHEAD = 2  # of a loading process, or of the thread without one


@dataclass(frozen=True)
class Loading:
    """One way to load: `ratio` is the median of its speed over the model's, round by round."""

    name: str
    images_per_second: float
    ratio: float


@dataclass(frozen=True)
class Throughput:
    """Images a second: of the model, where it learns fastest, and of each way to load them."""

    batch_size: int
    image_size: int
    model_images_per_second: float
    loading: tuple[Loading, ...]

    def report(self) -> str:
        """Say it in lines for a person."""
        learning = f"{self.model_images_per_second:12,.0f}"
        lines = [
            f"images of {self.image_size} pixels, batches of {self.batch_size}; medians",
            f"{'':32}{'images/s':>12}{'loading : learning':>22}",
            f"{'the model learns':32}{learning}",
            *(
                f"{'loaded ' + each.name:32}{each.images_per_second:12,.0f}{each.ratio:22.1f}"
                for each in self.loading
            ),
        ]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return asdict(self)


def measure_throughput(
    config: TrainingConfig,
    *,
    images: int = 2000,
    seconds: float = 2.0,
    rounds: int = 3,
    workers: Sequence[int] = (0, 1, 2),
    progress: Progress = lambda done, total: None,
) -> Throughput:
    """Measure a configuration on up to `images` of its training images.

    Loading takes everything up to the model's input: decoding, collating, augmenting, mixing. It is
    measured from memory, and streamed by each number of `workers`. Learning is measured with the
    most patches dropped that the configuration ever drops, where it eats most. Each takes `seconds`
    a round. The run folder is not touched. Raises what `train` raises.
    """
    training, ways = _prepared(config, images, workers)
    measured: dict[str, list[float]] = {name: [] for name in ("", *ways)}
    for number in range(rounds):
        progress(number, rounds)
        measured[""].append(_learning_speed(training, seconds))
        for name, source in ways.items():
            measured[name].append(_loading_speed(training, source, seconds))
    progress(rounds, rounds)
    learning = measured.pop("")
    return Throughput(
        training.batch_size,
        training.config.image_size,
        statistics.median(learning),
        tuple(
            Loading(
                name,
                statistics.median(speeds),
                statistics.median(a / b for a, b in zip(speeds, learning, strict=True)),
            )
            for name, speeds in measured.items()
        ),
    )


def _prepared(
    config: TrainingConfig, images: int, workers: Sequence[int]
) -> tuple[Training, dict[str, Images]]:
    """Give the training, and each way to load its images by name."""
    material = Material.of(config)
    config, data = material.config, material.data
    if config.probes:
        raise InvalidInput(
            "freeze backbone without augmentation loads every image once and learns from readouts: "
            "there is no speed of loading to measure; leave freeze out"
        )
    accelerator = start_accelerator(config)
    chosen = some_of_every_class(data.train, images, config.seed)
    part = replace(data, train=chosen, validation=some_of_every_class(chosen, 1, config.seed))
    held = material.images(part, workers=0)
    training = Training(config, accelerator, held, material.weights())
    ways: dict[str, Images] = {IN_MEMORY: training.train_images}
    for count in workers:
        name = f"from disk by {count} process{'' if count == 1 else 'es'}" if count else IN_THREAD
        targets = torch.tensor([data.labels.index(picture.label) for picture in chosen])
        ways[name] = StreamedImages(chosen, targets, held.preprocessing, count)
    return training, ways


def some_of_every_class(pictures: Sequence[Picture], count: int, seed: int) -> list[Picture]:
    """Choose `count` pictures at random, and one more of each class that none of them is of."""
    order = np.random.default_rng(seed).permutation(len(pictures))
    chosen = [pictures[index] for index in order[:count]]
    missing = {picture.label: picture for picture in pictures}
    for picture in chosen:
        missing.pop(picture.label, None)
    return [*chosen, *missing.values()]


def _learning_speed(training: Training, seconds: float) -> float:
    phases = training.config.patch_drop
    hungriest = max(phases, key=lambda phase: phase.patch_drop).start if phases else 0.0
    batches = training.train_images.batches(training.shares())
    inputs, targets = _augmented(training, next(batches))

    def learn() -> None:
        taught = training.teacher.logits(inputs) if training.teacher else None
        loss, _ = training.learner.step(inputs, targets, hungriest, 1, taught)
        loss.item()  # a GPU is waited for

    learn()
    return _speed(learn, training.batch_size, seconds)


def _loading_speed(training: Training, source: Images, seconds: float) -> float:
    batches = source.batches(training.shares())

    def load() -> None:
        inputs, _ = _augmented(training, next(batches))
        inputs[-1, -1, -1, -1].item()  # a GPU is waited for

    workers = source.workers if isinstance(source, StreamedImages) else 0
    for _ in range(1 + BATCHES_AHEAD * max(1, workers)):  # made before the clock runs
        load()
    return _speed(load, training.batch_size, seconds)


def _augmented(training: Training, batch: Batch) -> tuple[Tensor, Tensor]:
    images, targets = batch
    return training.augmented(images.to(training.device), targets.to(training.device))


def _speed(work: Callable[[], None], images: int, seconds: float) -> float:
    """Give the images a second of work that takes a batch of `images` at a time."""
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds or done < FEWEST_BATCHES:
        work()
        done += 1
    return done * images / (time.perf_counter() - began)
