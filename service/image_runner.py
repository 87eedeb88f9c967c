"""Classifies the images of one batch, on a thread: decodes what is small, runs the graph, ranks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from service.batch_sizes import BatchSizes
from service.classify import Ranking, rankings
from service.decoding import ImageFacts, ImageLimits
from service.engine import Engine, Floats, failures
from service.errors import InferenceFailed, VitrineError
from service.preprocess import Prepared, prepare

Image = bytes | Prepared | Floats  # encoded, decoded, or pixel values [3, rows, columns]
DECODED_IN_BATCH_PIXELS = 1_000_000  # as many in few bytes: a flat PNG takes 12 to 25 ms for them


class Classified(NamedTuple):
    """The classify graph's answer for one image: logits [C], their ranking and readout [d].

    `image` tells of the picture where one was decoded; the seconds are its decoding's and its
    batch's run's.
    """

    logits: Floats
    ranking: Ranking
    readout: Floats
    image: ImageFacts | None
    decode_seconds: float
    inference_seconds: float


class ImageRunner:
    """What a batch of images goes through; it may run on several threads side by side."""

    def __init__(
        self,
        engine: Engine,
        sizes: BatchSizes,
        limits: ImageLimits,
        on_batch: Callable[[int, int], None],
    ) -> None:
        """`on_batch` is told how many images were run, and as a batch of what size."""
        self.engine = engine
        self.sizes = sizes
        self._limits = limits
        most = min(limits.max_pixels, DECODED_IN_BATCH_PIXELS)
        self._limits_in_batch = replace(limits, max_pixels=most)
        self._on_batch = on_batch

    def decode(self, picture: bytes) -> Prepared | VitrineError:
        """Decode and prepare a picture of any size that is allowed; a bad one gives its error."""
        return self._prepared(picture, self._limits)

    def run(self, images: Sequence[Image], is_wide: bool) -> list[Classified | VitrineError]:
        """Run all that is good as one batch, on all cores or on one; what is bad gives its error.

        An encoded picture of more than DECODED_IN_BATCH_PIXELS gives PayloadTooLarge: it is to be
        decoded apart. Raises InferenceFailed.
        """
        ready = [
            self._prepared(image, self._limits_in_batch) if isinstance(image, bytes) else image
            for image in images
        ]
        good = [image for image in ready if not isinstance(image, VitrineError)]
        classified = iter(self._classify(good, is_wide) if good else [])
        return [image if isinstance(image, VitrineError) else next(classified) for image in ready]

    def _prepared(self, picture: bytes, limits: ImageLimits) -> Prepared | VitrineError:
        try:
            return prepare(picture, self.engine.bundle.contract.preprocessing, limits)
        except VitrineError as error:
            return error

    def _classify(
        self, images: Sequence[Prepared | Floats], is_wide: bool
    ) -> list[Classified | InferenceFailed]:
        size = self.sizes.padded(len(images))
        pixel_values = self._together(images, size)
        started = time.perf_counter()
        threads = None if is_wide else 1
        outputs = self.engine.run(
            "classify", {"pixel_values": pixel_values}, ("logits", "readout"), threads
        )
        seconds = time.perf_counter() - started
        self._on_batch(len(images), size)
        logits, readout = outputs["logits"][: len(images)], outputs["readout"]
        failed = failures(outputs, len(images))
        rows = zip(images, logits, rankings(logits, failed), readout, strict=False)
        return [
            failure or _classified(*row, seconds) for failure, row in zip(failed, rows, strict=True)
        ]

    def _together(self, images: Sequence[Prepared | Floats], size: int) -> Floats:
        """Give the pixel values of images, the first rows of a batch of that size."""
        values = [one.pixel_values if isinstance(one, Prepared) else one for one in images]
        if size == 1:
            return values[0][None]
        batch = np.zeros((size, *self.engine.image_shape), np.float32)
        for row, image in zip(batch, values, strict=False):
            row[:] = image
        return batch


def _classified(
    image: Prepared | Floats, logits: Floats, ranking: Ranking, readout: Floats, seconds: float
) -> Classified:
    if isinstance(image, Prepared):
        return Classified(logits, ranking, readout, image.image, image.seconds, seconds)
    return Classified(logits, ranking, readout, None, 0.0, seconds)
