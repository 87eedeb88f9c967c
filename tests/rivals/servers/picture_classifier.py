"""What every rival does with a picture: decode, resize, normalise, infer, name the best classes.

It runs in the rivals' own environments, with Pillow, numpy and onnxruntime and without Vitrine. The
servers differ in how requests come to it, and in nothing else.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image

NAMED = 5
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


class PictureClassifier:
    """A bundle's classify.onnx, with the preprocessing and the labels of its contract."""

    def __init__(self, bundle: Path, threads: int) -> None:
        contract = json.loads((bundle / "contract.json").read_text())
        self._labels: list[str] = contract["labels"]
        self._preprocessing: dict[str, Any] = contract["preprocessing"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            bundle / "classify.onnx", options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        mean, std = (np.asarray(self._preprocessing[key], np.float32) for key in ("mean", "std"))
        self._scale = np.float32(self._preprocessing["rescale"]) / std
        self._shift = mean / std

    def classify(self, picture: bytes) -> dict[str, Any]:
        """Take one picture all the way to its answer."""
        return self.classify_batch(self.pixel_values(picture)[None])[0]

    def pixel_values(self, picture: bytes | Image.Image) -> np.ndarray:
        """Decode, resize and normalise a picture: float32 [3, rows, columns]."""
        opened = Image.open(io.BytesIO(picture)) if isinstance(picture, bytes) else picture
        rgb = opened.convert("RGB")
        rows, columns = self._preprocessing["crop"]
        fitted = rgb.resize(
            (columns, rows),
            FILTERS[self._preprocessing["interpolation"]],
            box=self._seen(rgb.width, rgb.height),
        )
        levels = np.asarray(fitted, np.float32) * self._scale - self._shift  # [rows, columns, 3]
        return np.ascontiguousarray(levels.transpose(2, 0, 1))

    def classify_batch(self, batch: np.ndarray) -> list[dict[str, Any]]:
        """Infer a batch [images, 3, rows, columns] and give the answer to each image."""
        logits = self._session.run(["logits"], {self._input: batch})[0]  # [images, classes]
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
        return [self._answer(row) for row in probabilities]

    def _answer(self, probabilities: np.ndarray) -> dict[str, Any]:
        best = np.argsort(probabilities)[::-1][:NAMED]
        return {
            "predictions": [
                {"label": self._labels[index], "probability": float(probabilities[index])}
                for index in best.tolist()
            ]
        }

    def _seen(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Give the part that the model sees: the middle, once the shorter edge has the size."""
        rows, columns = self._preprocessing["size"]
        if rows * width >= columns * height:
            resized = max(columns, rows * width // height), rows
        else:
            resized = columns, max(rows, columns * height // width)
        crop = self._preprocessing["crop"][::-1]
        left, top = ((whole - part) // 2 for whole, part in zip(resized, crop, strict=True))
        across, down = width / resized[0], height / resized[1]
        return left * across, top * down, (left + crop[0]) * across, (top + crop[1]) * down
