"""One image's way through a graph of explanations, and many of them run together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.engine import Arrays, Engine, Floats

Indexes = NDArray[np.int64]


@dataclass(frozen=True)
class Mixture:
    """Pixel values [3, rows, columns] between a picture and its baseline, made when they are run.

    Many passes over one picture may wait at once; so each holds no picture of its own. `share` is
    how much of the picture there is, or where it is: True in [rows, columns].
    """

    picture: Floats
    baseline: Floats
    share: float | NDArray[np.bool_]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the pixel values."""
        return self.picture.shape

    def values(self) -> Floats:
        """Give the pixel values."""
        if isinstance(self.share, float):
            return self.baseline + np.float32(self.share) * (self.picture - self.baseline)
        return np.where(self.share, self.picture, self.baseline)


Pixels = Floats | Mixture


@dataclass(frozen=True)
class Pass:
    """One image's inputs to a graph, without the batch axis, and the outputs that are wanted."""

    graph: Literal["explain", "attend"]
    pixel_values: Pixels
    others: Arrays
    outputs: tuple[str, ...]

    @classmethod
    def explain(
        cls,
        pixel_values: Pixels,
        outputs: tuple[str, ...],
        *,
        logit_weights: Floats,
        layer_weights: Floats | None = None,
    ) -> Pass:
        """Walk back from the logits [C] that `logit_weights` [T, C] weighs, or `layer_weights`."""
        if layer_weights is None:
            layer_weights = logit_weights[:0]
        weights = {"logit_weights": logit_weights, "layer_weights": layer_weights}
        return cls("explain", pixel_values, weights, outputs)

    @classmethod
    def attend(cls, pixel_values: Pixels, keep: Indexes, outputs: tuple[str, ...]) -> Pass:
        """Go forward with the patches that `keep` [K] numbers, in any order."""
        return cls("attend", pixel_values, {"keep": keep}, outputs)

    @property
    def inputs(self) -> Arrays:
        """What the graph is given."""
        pixels = self.pixel_values
        values = pixels.values() if isinstance(pixels, Mixture) else pixels
        return {"pixel_values": values, **self.others}

    @property
    def kind(self) -> tuple[str, ...]:
        """What passes must have in common to run in one batch."""
        shapes = (f"{name} {values.shape}" for name, values in self.others.items())
        return (self.graph, *shapes, *self.outputs)


def run_passes(engine: Engine, passes: Sequence[Pass], max_batch_size: int) -> list[Arrays]:
    """Run passes, those of one kind together, and give each one's outputs in their order.

    Raises NotExplainable and InferenceFailed.
    """
    kinds: dict[tuple[str, ...], list[int]] = {}
    for index, one in enumerate(passes):
        kinds.setdefault(one.kind, []).append(index)
    results: list[Arrays] = [{} for _ in passes]
    for alike in kinds.values():
        for start in range(0, len(alike), max_batch_size):
            batch = alike[start : start + max_batch_size]
            first = passes[batch[0]]
            given = [passes[index].inputs for index in batch]
            inputs = {name: np.stack([one[name] for one in given]) for name in given[0]}
            outputs = engine.run(first.graph, inputs, first.outputs)
            for place, index in enumerate(batch):
                results[index] = {name: values[place] for name, values in outputs.items()}
    return results
