"""Labelled pictures from wherever they are: folders, zip archives, CIFAR-10's files, or a stream.

`read_sources` finds the pictures of every part and checks them all before training begins;
`decode_pictures` turns a part into one block of memory.
"""

from __future__ import annotations

import io
import logging
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

logger = logging.getLogger(__name__)

PARTS = ("train", "validation", "test")
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}


class DataError(ValueError):
    """The data cannot be trained on; the message names everything wrong at once."""


@dataclass(frozen=True)
class Picture:
    """One labelled picture that is not decoded yet."""

    name: str
    label: str
    read: Callable[[], bytes]


def find_pictures(source: Path) -> dict[str, list[Picture]]:
    """List a source's pictures by part, sorted by name."""
    if source.suffix == ".zip":
        return zip_pictures(source)
    parts: dict[str, list[Picture]] = {part: [] for part in PARTS}
    for archive in sorted(source.glob("*.zip")):
        for part, pictures in zip_pictures(archive).items():
            parts[part] += pictures
    for part in PARTS:
        for path in sorted((source / part).glob("*/*")):
            if path.suffix.lower() in SUFFIXES:
                parts[part].append(Picture(str(path), path.parent.name, path.read_bytes))
    return parts


def zip_pictures(archive: Path) -> dict[str, list[Picture]]:
    parts: dict[str, list[Picture]] = {part: [] for part in PARTS}
    opened = zipfile.ZipFile(archive)
    for member in sorted(opened.namelist()):
        path = Path(member)
        if path.suffix.lower() in SUFFIXES and len(path.parts) >= 3 and path.parts[-3] in PARTS:
            part, label = path.parts[-3:-1]
            parts[part].append(
                Picture(f"{archive}:{member}", label, lambda name=member: opened.read(name))
            )
    return parts


def decode(data: bytes, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Decode a picture to RGB [3, rows, columns]: shorter side resized, centre cropped."""
    rows, columns = size
    image = Image.open(io.BytesIO(data)).convert("RGB")
    if image.size != (columns, rows):
        scale = max(rows / image.height, columns / image.width)
        resized = (max(columns, round(image.width * scale)), max(rows, round(image.height * scale)))
        image = image.resize(resized, Image.Resampling.BICUBIC)
        left, top = (image.width - columns) // 2, (image.height - rows) // 2
        image = image.crop((left, top, left + columns, top + rows))
    return np.asarray(image, dtype=np.uint8).transpose(2, 0, 1)


@dataclass(frozen=True)
class ImageSet:
    """Decoded images uint8 [n, 3, S, S] with their class numbers [n]."""

    images: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)


def decode_pictures(
    pictures: Sequence[Picture], labels: Sequence[str], size: tuple[int, int]
) -> ImageSet:
    """Decode a part in threads; broken pictures are left out and named in one warning."""
    numbers = {label: number for number, label in enumerate(labels)}
    broken: list[str] = []

    def decoded(picture: Picture) -> NDArray[np.uint8] | None:
        try:
            return decode(picture.read(), size)
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
            broken.append(f"{picture.name} ({error})")
            return None

    with ThreadPoolExecutor() as pool:
        images = list(pool.map(decoded, pictures))
    if broken:
        logger.warning("%d broken images left out: %s", len(broken), ", ".join(sorted(broken)[:10]))
    kept = [
        (image, picture)
        for image, picture in zip(images, pictures, strict=True)
        if image is not None
    ]
    return ImageSet(
        torch.from_numpy(np.stack([image for image, _ in kept])),
        torch.tensor([numbers[picture.label] for _, picture in kept]),
    )


def split_stratified(
    pictures: Iterable[Picture], share: float, seed: int
) -> tuple[list[Picture], list[Picture]]:
    """Hold out a share of every class, at least one picture: (kept, held out)."""
    by_label: dict[str, list[Picture]] = {}
    for picture in pictures:
        by_label.setdefault(picture.label, []).append(picture)
    kept: list[Picture] = []
    held_out: list[Picture] = []
    for label in sorted(by_label):
        order = np.random.default_rng([seed, *label.encode()]).permutation(len(by_label[label]))
        count = max(1, round(share * len(order)))
        held_out += [by_label[label][index] for index in sorted(order[:count])]
        kept += [by_label[label][index] for index in sorted(order[count:])]
    return kept, held_out


def class_counts(pictures: Iterable[Picture]) -> Counter[str]:
    return Counter(picture.label for picture in pictures)
