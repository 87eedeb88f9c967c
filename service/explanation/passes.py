"""One image's way through a graph of explanations, and many of them run together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.architecture import Architecture
from service.engine import Arrays, Engine, Floats, failures
from service.errors import InferenceFailed

Indexes = NDArray[np.int64]
BATCH_BYTES = 64 * 1024**2
FLOAT_BYTES = 4


@dataclass(frozen=True)
class Patches:
    """Some patches of a picture, numbered row by row on a grid of squares of `side` pixels."""

    numbers: Indexes
    grid: tuple[int, int]
    side: int

    def mask(self) -> NDArray[np.bool_]:
        """Say where they are: True in [rows, columns] of pixels."""
        chosen = np.zeros(self.grid[0] * self.grid[1], bool)
        chosen[self.numbers] = True
        return chosen.reshape(self.grid).repeat(self.side, axis=0).repeat(self.side, axis=1)


@dataclass(frozen=True)
class Mixture:
    """Pixel values [3, rows, columns] between a picture and its baseline, made when they are run.

    Many passes over one picture may wait at once; so each holds no picture of its own. `share` is
    how much of the picture there is, or in which of its patches it is.
    """

    picture: Floats
    baseline: Floats
    share: float | Patches

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the pixel values."""
        return self.picture.shape

    def values(self) -> Floats:
        """Give the pixel values."""
        if isinstance(self.share, float):
            return self.baseline + np.float32(self.share) * (self.picture - self.baseline)
        return np.where(self.share.mask(), self.picture, self.baseline)


Pixels = Floats | Mixture


@dataclass(frozen=True)
class Pass:
    """One image's inputs to a graph, without the batch axis, and the outputs that are wanted."""

    graph: Literal["explain", "attend", "trace"]
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

    @classmethod
    def trace(cls, pixel_values: Pixels, layer: int, outputs: tuple[str, ...]) -> Pass:
        """Go forward and give the values of one layer, from 0, or of the whole model."""
        return cls("trace", pixel_values, {"layer": np.asarray(layer, np.int64)}, outputs)

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


def passes_together(architecture: Architecture, most: int) -> int:
    """Say how many images' passes run in one batch: fewer of a large model, whose values are many.

    A pass that walks back keeps, of every block, about three attention matrices and sixteen times
    the tokens. On a CPU, batches of a large model are no faster.
    """
    tokens = architecture.tokens
    kept = tokens * (3 * architecture.heads * tokens + 16 * architecture.width)
    return max(1, min(most, BATCH_BYTES // (FLOAT_BYTES * architecture.depth * kept)))


def run_passes(engine: Engine, passes: Sequence[Pass], max_batch_size: int) -> list[Arrays]:
    """Run passes, those of one kind together, and give each one's outputs in their order.

    Raises NotExplainable, NotTraceable and InferenceFailed.
    """
    results = run_passes_apart(engine, passes, max_batch_size)
    for result in results:
        if isinstance(result, InferenceFailed):
            raise result
    return [result for result in results if not isinstance(result, InferenceFailed)]


def run_passes_apart(
    engine: Engine, passes: Sequence[Pass], max_batch_size: int
) -> list[Arrays | InferenceFailed]:
    """Run passes as `run_passes` does; one whose numbers are not finite fails alone."""
    kinds: dict[tuple[str, ...], list[int]] = {}
    for index, one in enumerate(passes):
        kinds.setdefault(one.kind, []).append(index)
    together = passes_together(engine.bundle.contract.architecture, max_batch_size)
    results: list[Arrays | InferenceFailed] = [{} for _ in passes]
    for alike in kinds.values():
        for start in range(0, len(alike), together):
            batch = alike[start : start + together]
            outputs = _run_batch(engine, [passes[index] for index in batch])
            for place, failure in enumerate(failures(outputs, len(batch))):
                own = {name: values[place] for name, values in outputs.items()}
                results[batch[place]] = failure or own
    return results


def _run_batch(engine: Engine, batch: Sequence[Pass]) -> Arrays:
    given = [one.inputs for one in batch]
    inputs = {name: np.stack([values[name] for values in given]) for name in given[0]}
    return engine.run(batch[0].graph, inputs, batch[0].outputs)
