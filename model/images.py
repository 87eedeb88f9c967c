"""Images as training takes them: class numbers beside pixels, from memory or streamed from disk."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_all_start_methods

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from model.ahead import ahead
from model.data import TrainingData
from model.side_by_side import side_by_side
from model.sources import DataError, Picture
from service.budget import cpu_budget
from service.contract import Preprocessing
from service.errors import VitrineError
from service.preprocess import fit

logger = logging.getLogger(__name__)

NAMED_BROKEN_IMAGES = 10
READ_TOGETHER = 64
MEASURED_IMAGES = 10_000
MEASURED_BATCH = 64
LEVELS = 256
SMALLEST_DEVIATION = 1e-4  # so that pictures of one colour do not divide by 0

Batch = tuple[Tensor, Tensor]  # images uint8 [b, 3, rows, columns], class numbers [b]


def pixels(picture: Picture, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Decode, resize and crop as the service does: [3, rows, columns]."""
    image = fit(picture.decode(preprocessing.size), preprocessing)
    return np.ascontiguousarray(np.asarray(image, dtype=np.uint8).transpose(2, 0, 1))


@dataclass(frozen=True)
class DecodedImages:
    """Images decoded in memory: uint8 [n, 3, rows, columns], and class numbers [n]."""

    images: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def batches(self, order: Iterable[Tensor]) -> Iterator[Batch]:
        """Give one batch for each tensor of indices in `order`."""
        for chosen in order:
            here = chosen.to(self.images.device)
            yield self.images[here], self.targets[here]

    def to(self, device: torch.device) -> DecodedImages:
        """Give the same images held on another device."""
        return DecodedImages(self.images.to(device), self.targets.to(device))


class StreamedImages(Dataset[Batch]):
    """Images decoded from disk each time they are asked for, ahead of their use.

    `workers` processes decode a batch each; with 0, a thread of this process does.
    """

    def __init__(
        self,
        pictures: Sequence[Picture],
        targets: Tensor,
        preprocessing: Preprocessing,
        workers: int,
    ) -> None:
        self.pictures = pictures
        self.targets = targets
        self.preprocessing = preprocessing
        self.workers = workers

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, chosen: Tensor) -> Batch:
        """Decode the images with the numbers `chosen` [b]."""
        rows, columns = self.preprocessing.crop
        images = np.empty((len(chosen), 3, rows, columns), np.uint8)
        for place, index in enumerate(chosen.tolist()):
            images[place] = pixels(self.pictures[index], self.preprocessing)
        return torch.from_numpy(images), self.targets[chosen]

    def batches(self, order: Iterable[Tensor]) -> Iterator[Batch]:
        """Give one batch for each tensor of indices in `order`, which may be endless."""
        if not self.workers:
            yield from ahead(self[chosen] for chosen in order)
            return
        loader = DataLoader(
            self,
            batch_size=None,  # an item is a batch already
            sampler=order,
            num_workers=self.workers,
            generator=torch.Generator(),  # which draws nothing from torch's own
            multiprocessing_context=start_method(),
        )
        yield from loader


def start_method() -> str | None:
    """Prefer forked workers: they share the open file of a stream that lies on disk."""
    return "fork" if "fork" in get_all_start_methods() else None


Images = DecodedImages | StreamedImages


def read_images(
    pictures: Sequence[Picture],
    labels: Sequence[str],
    preprocessing: Preprocessing,
    max_bytes: int,
    workers: int,
) -> Images:
    """Decode every picture once; hold them in memory if they fit into `max_bytes`.

    Broken pictures are left out, counted and named in one warning. Raises DataError where a class
    has no picture left.
    """
    rows, columns = preprocessing.crop
    held = len(pictures) * 3 * rows * columns <= max_bytes
    block = np.empty((len(pictures) if held else 0, 3, rows, columns), np.uint8)

    def read(part: range) -> dict[int, str]:
        broken: dict[int, str] = {}
        for index in part:
            try:
                image = pixels(pictures[index], preprocessing)
            except (VitrineError, OSError) as error:
                broken[index] = str(error)
            else:
                if held:
                    block[index] = image
        return broken

    starts = range(0, len(pictures), READ_TOGETHER)
    parts = [range(len(pictures))[start : start + READ_TOGETHER] for start in starts]
    with side_by_side(read, parts, cpu_budget().cpus) as found:
        broken = {index: why for part in found for index, why in part.items()}
    report_broken(pictures, broken)
    good = [index for index in range(len(pictures)) if index not in broken]
    kept = [pictures[index] for index in good]
    missing = sorted(set(labels) - {picture.label for picture in kept})
    if missing:
        raise DataError(
            f"every picture of {', '.join(missing)} is broken; replace them or remove the class"
        )
    numbers = {label: number for number, label in enumerate(labels)}
    targets = torch.tensor([numbers[picture.label] for picture in kept])
    if not held:
        return StreamedImages(kept, targets, preprocessing, workers)
    return DecodedImages(torch.from_numpy(block[good] if broken else block), targets)


@dataclass(frozen=True)
class TrainingImages:
    """Both parts' images, the names of their classes, and how pixels become the model's input."""

    labels: tuple[str, ...]
    train: Images
    validation: Images
    preprocessing: Preprocessing


def read_training_images(
    data: TrainingData,
    image_size: int,
    seed: int,
    max_bytes: int,
    workers: int,
    preprocessing: Preprocessing | None = None,
) -> TrainingImages:
    """Read both parts, as a model's own `preprocessing` says where there is one.

    Otherwise they become squares of `image_size` pixels, and the training images' levels are
    measured.
    """
    size = (image_size, image_size)
    fitting = preprocessing or Preprocessing(size=size, crop=size, mean=(0, 0, 0), std=(1, 1, 1))
    train = read_images(data.train, data.labels, fitting, max_bytes, workers)
    validation = read_images(data.validation, data.labels, fitting, max_bytes, workers)
    levels = fitting if preprocessing else measured(train, fitting, seed)
    return TrainingImages(data.labels, train, validation, levels)


def measured(images: Images, preprocessing: Preprocessing, seed: int) -> Preprocessing:
    """Fill in mean and standard deviation per channel, over up to MEASURED_IMAGES of the images."""
    order = epoch_order(seed, 0, len(images))[:MEASURED_IMAGES]
    counts = torch.zeros(3, LEVELS, dtype=torch.float64)  # the images would take a hundredfold
    for batch, _ in images.batches(torch.split(order, MEASURED_BATCH)):
        for channel, levels in enumerate(batch.transpose(0, 1)):
            counts[channel] += torch.bincount(levels.flatten(), minlength=LEVELS)
    levels = torch.arange(LEVELS, dtype=torch.float64) / (LEVELS - 1)
    pixel_count = counts.sum(dim=1)
    means = (counts * levels).sum(dim=1) / pixel_count
    squares = counts * (levels - means[:, None]) ** 2
    deviations = (squares.sum(dim=1) / (pixel_count - 1)).sqrt()
    mean = [round(value, 4) for value in means.tolist()]
    std = [round(max(value, SMALLEST_DEVIATION), 4) for value in deviations.tolist()]
    return Preprocessing.model_validate({**preprocessing.model_dump(), "mean": mean, "std": std})


def epoch_order(seed: int, epoch: int, images: int) -> Tensor:
    """Give the order in which an epoch visits the images."""
    return torch.from_numpy(np.random.default_rng([seed, epoch]).permutation(images))


def report_broken(pictures: Sequence[Picture], broken: dict[int, str]) -> None:
    if not broken:
        return
    named = [f"{pictures[index].name}: {broken[index]}" for index in sorted(broken)]
    more = len(named) - NAMED_BROKEN_IMAGES
    logger.warning(
        "left out %d broken of %d pictures: %s%s",
        len(named),
        len(pictures),
        "; ".join(named[:NAMED_BROKEN_IMAGES]),
        f"; and {more} more" if more > 0 else "",
    )
