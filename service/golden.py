"""The golden replay: a model that does not give the numbers it was exported with is not served.

`golden.npz` holds, for a few drawn pictures, their encoded bytes and what the exporter's own
preprocessing and torch model made of them:

    images        one uint8 array of encoded bytes each: `image_0`, `image_1`, ...
    pixel_values  float32 [K, 3, rows, columns]
    logits        float32 [K, C]
    relevance     float32 [K, rows, columns] of the predicted class, with an explain graph
    rollout       float32 [K, rows, columns], with an attend graph
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from service.contract import Preprocessing
from service.decoding import ImageLimits
from service.engine import Engine, Floats
from service.errors import ContractError
from service.explanation.maps import attention_rollout
from service.explanation.passes import Pass, run_passes
from service.explanation.removal import all_patches
from service.graphs import GraphName
from service.preprocess import preprocess

LEVELS_TOLERANCE = (
    2.0  # decoders and resizers of other builds may differ by this many of 255 levels
)
LOGITS_TOLERANCE = 1e-3
DIFFERENCE_MARGIN = 2.0  # times the difference on record; CPUs of other kinds round other numbers
MAP_TOLERANCE = 1e-2  # of a map's largest score: maps are small, and builds add up differently


@dataclass(frozen=True)
class Golden:
    """The pictures of a replay and the numbers to expect."""

    images: tuple[bytes, ...]
    pixel_values: Floats
    logits: Floats
    relevance: Floats | None = None
    rollout: Floats | None = None

    def save(self, path: Path) -> None:
        """Write `golden.npz`."""
        arrays: dict[str, Any] = {"pixel_values": self.pixel_values, "logits": self.logits}
        maps = {"relevance": self.relevance, "rollout": self.rollout}
        arrays |= {name: values for name, values in maps.items() if values is not None}
        for index, data in enumerate(self.images):
            arrays[f"image_{index}"] = np.frombuffer(data, np.uint8)
        np.savez_compressed(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> Golden:
        """Read `golden.npz`; nothing in it is executed. Raises ContractError when it is broken."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                count = len(arrays["logits"])
                if not count:
                    raise ValueError("it holds no pictures")
                return cls(
                    images=tuple(arrays[f"image_{i}"].tobytes() for i in range(count)),
                    pixel_values=arrays["pixel_values"],
                    logits=arrays["logits"],
                    relevance=arrays.get("relevance"),
                    rollout=arrays.get("rollout"),
                )
        except Exception as error:  # numpy raises of many kinds on what is no archive
            raise ContractError(
                f"{path} cannot be replayed: {error}; export the bundle again"
            ) from error


def replay_classify(engine: Engine, golden: Golden, limits: ImageLimits) -> None:
    """Check pixel values and logits; ContractError says how far they are off."""
    preprocessing = engine.bundle.contract.preprocessing
    found = np.stack([preprocess(data, preprocessing, limits)[1] for data in golden.images])
    _compare("pixel values", found, golden.pixel_values, _pixel_tolerance(preprocessing), engine)
    logits = engine.classify(golden.pixel_values).logits
    _compare("logits", logits, golden.logits, logits_tolerance(engine), engine)


def replay_explain(engine: Engine, golden: Golden) -> None:
    """Check the explain graph's logits and relevance; ContractError says how far they are off."""
    classes = golden.logits.shape[1]
    predicted = np.zeros((1, classes), np.float32)
    passes = [
        Pass.explain(pixels, ("logits", "relevance"), logit_weights=predicted)
        for pixels in golden.pixel_values
    ]
    results = run_passes(engine, passes, len(passes))
    logits = np.stack([result["logits"] for result in results])
    _compare("explained logits", logits, golden.logits, LOGITS_TOLERANCE, engine)
    if golden.relevance is not None:
        grid = engine.bundle.contract.architecture.grid
        found = np.stack([result["relevance"][0, 0].reshape(grid) for result in results])
        _compare("relevance", found, golden.relevance, map_tolerance(golden.relevance), engine)


def replay_attend(engine: Engine, golden: Golden) -> None:
    """Check the attend graph's logits and rollout; ContractError says how far they are off."""
    architecture = engine.bundle.contract.architecture
    keep = all_patches(architecture)
    passes = [Pass.attend(pixels, keep, ("logits", "attention")) for pixels in golden.pixel_values]
    results = run_passes(engine, passes, len(passes))
    logits = np.stack([result["logits"] for result in results])
    _compare("attended logits", logits, golden.logits, LOGITS_TOLERANCE, engine)
    if golden.rollout is not None:
        found = np.stack([attention_rollout(one["attention"], architecture) for one in results])
        _compare("rollout", found, golden.rollout, map_tolerance(golden.rollout), engine)


def replay_trace(engine: Engine, golden: Golden) -> None:
    """Check the trace graph's logits, and those after the last layer, which are the same."""
    passes = [Pass.trace(pixels, 0, ("logits", "layer_logits")) for pixels in golden.pixel_values]
    results = run_passes(engine, passes, len(passes))
    logits = np.stack([result["logits"] for result in results])
    _compare("traced logits", logits, golden.logits, LOGITS_TOLERANCE, engine)
    last = np.stack([result["layer_logits"][-1] for result in results])
    _compare("last layer's logits", last, golden.logits, LOGITS_TOLERANCE, engine)


REPLAYS: dict[GraphName, Callable[[Engine, Golden], None]] = {
    "explain": replay_explain,
    "attend": replay_attend,
    "trace": replay_trace,
}


def map_tolerance(expected: Floats) -> float:
    """Say how far the scores of a map may be off."""
    return MAP_TOLERANCE * float(np.abs(expected).max())


def logits_tolerance(engine: Engine) -> float:
    """Say how far logits may be off: more where the weights have fewer bits than the golden ones'.

    Then it is a margin times what was seen on thousands of pictures when the graph was accepted.
    """
    if engine.precision == "fp32":
        return LOGITS_TOLERANCE
    measured = engine.bundle.contract.precisions[engine.precision].logit_difference
    return max(LOGITS_TOLERANCE, DIFFERENCE_MARGIN * (measured or 0.0))


def _pixel_tolerance(preprocessing: Preprocessing) -> float:
    return LEVELS_TOLERANCE * preprocessing.rescale / min(preprocessing.std)


def _compare(what: str, found: Floats, expected: Floats, tolerance: float, engine: Engine) -> None:
    if found.shape != expected.shape:
        raise ContractError(
            f"{engine.bundle.folder}: golden {what} have the shape {expected.shape}, "
            f"this service gives {found.shape}; export the bundle again"
        )
    difference = float(np.abs(found - expected).max())
    if not difference <= tolerance:
        raise ContractError(
            f"{engine.bundle.folder}: golden {what} are off by {difference:.3g}, more than "
            f"{tolerance:.3g}; this bundle would not serve what it was exported with"
        )
