"""Reads pictures as training does, small."""

from __future__ import annotations

import zipfile
from pathlib import Path

from model.data import TrainingData, read_training_data
from model.images import DecodedImages, read_images
from service.contract import Preprocessing

GIB = 2**30
FITTING = Preprocessing(size=(16, 16), crop=(16, 16), mean=(0, 0, 0), std=(1, 1, 1))


def read(*sources: Path | str, share: float = 0.25, seed: int = 0) -> TrainingData:
    return read_training_data([str(source) for source in sources], share, seed, GIB)


def decoded(pictures, labels) -> DecodedImages:
    images = read_images(pictures, labels, FITTING, GIB, workers=0)
    assert isinstance(images, DecodedImages)
    return images


def zipped(folder: Path, archive: Path, *, top: str = "") -> Path:
    """Pack a folder's files, below `top` in the archive; give its path."""
    with zipfile.ZipFile(archive, "w") as opened:
        for path in sorted(folder.rglob("*")):
            opened.write(path, Path(top) / path.relative_to(folder))
    return archive
