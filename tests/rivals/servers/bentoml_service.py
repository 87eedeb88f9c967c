"""BentoML: a service with a worker for each CPU, with its adaptive batching or without."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import bentoml
import numpy as np
from asked import asked
from picture_classifier import PictureClassifier
from PIL.Image import Image

BUNDLE, WORKERS, BATCH = "RIVAL_BUNDLE", "RIVAL_WORKERS", "RIVAL_MAX_BATCH_SIZE"
SETTINGS = {
    "workers": int(os.environ.get(WORKERS, "1")),
    "logging": {"access": {"enabled": False}},
}


@bentoml.service(**SETTINGS)
class EachPicture:
    """Infers every picture by itself."""

    def __init__(self) -> None:
        self._classifier = PictureClassifier(Path(os.environ[BUNDLE]), threads=1)

    @bentoml.api
    def classify(self, picture: Image, /) -> dict[str, Any]:
        return self._classifier.classify_batch(self._classifier.pixel_values(picture)[None])[0]


@bentoml.service(**SETTINGS)
class BatchedPictures:
    """Infers what BentoML's dispatcher gathered; a batch comes and goes as a list, in a form."""

    def __init__(self) -> None:
        self._classifier = PictureClassifier(Path(os.environ[BUNDLE]), threads=1)

    @bentoml.api(batchable=True, max_batch_size=int(os.environ.get(BATCH, "8")))
    def classify(self, pictures: list[Image]) -> list[dict[str, Any]]:
        batch = np.stack([self._classifier.pixel_values(picture) for picture in pictures])
        return self._classifier.classify_batch(batch)


if __name__ == "__main__":
    arguments = asked()
    os.environ[BUNDLE] = str(arguments.bundle)
    os.environ[WORKERS] = str(arguments.workers)
    service = "EachPicture"
    if arguments.max_batch_size > 1:
        service = "BatchedPictures"
        os.environ[BATCH] = str(arguments.max_batch_size)
    os.execv(
        sys.executable,
        [
            *(sys.executable, "-m", "bentoml", "serve", f"bentoml_service:{service}"),
            *("--host", "127.0.0.1", "--port", str(arguments.port)),
            *("--working-dir", str(Path(__file__).parent)),
        ],
    )
