"""How often a teacher is right on labelled pictures, prepared as it prepares them itself."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import torch

from model.images import read_images
from model.labelled import MAX_STREAMED_BYTES, Progress
from model.sources import DataError, Source, read_source
from model.teacher import Teacher
from model.teacher_file import read_description
from model.teacher_network import read_folder, read_graph

BATCH = 500
CPU = torch.device("cpu")


def teacher_accuracy(
    path: Path,
    sources: Sequence[str],
    part: str,
    progress: Progress = lambda done, total: None,
) -> tuple[int, int]:
    """Give how many pictures of a part a teacher recognises, and of how many, in float32.

    A class counts among those of the part alone. Raises DataError when the part is empty, and
    InvalidInput where there is no such teacher or it does not know a class.
    """
    if path.is_dir():
        network = read_folder(path, CPU, nullcontext)
    else:
        network = read_graph(path, read_description(path), CPU)
    merged = Source()
    for name in sources:
        merged.merge(read_source(name, MAX_STREAMED_BYTES))
    pictures, labels = merged.pictures[part], tuple(sorted(merged.classes[part]))
    if not pictures:
        raise DataError(
            f"{', '.join(sources)} has no pictures in {part}; put them into {part}/<class>/"
        )
    teacher = Teacher(network, labels, network.preprocessing, CPU)
    images = read_images(pictures, labels, network.preprocessing, MAX_STREAMED_BYTES, workers=0)
    mean, std = (
        torch.tensor(value)[:, None, None]
        for value in (network.preprocessing.mean, network.preprocessing.std)
    )
    right = done = 0
    for pixels, targets in images.batches(torch.split(torch.arange(len(images)), BATCH)):
        inputs = (pixels.float() * network.preprocessing.rescale - mean) / std
        right += int((teacher.logits(inputs).argmax(dim=1) == targets).sum())
        done += len(targets)
        progress(done, len(images))
    return right, done
