"""How patches are taken away from a picture, and the pictures that stand for nothing.

`token` takes a patch out of the sequence; the others paint over its pixels with those of a baseline
picture. Painting may show the model what it never saw (missingness bias, Jain et al., ICLR 2022).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image

from service.architecture import Architecture
from service.contract import Contract, Preprocessing
from service.engine import Floats
from service.explanation.passes import Indexes, Mixture, Pass, Patches

Baseline = Literal["black", "white", "mean", "blur"]
Removal = Literal["token", "black", "white", "mean", "blur"]
LOGITS = ("logits",)
BLURRED_SIDE = 4  # pixels that are left of a side when a picture is blurred


def baseline_picture(pixel_values: Floats, baseline: Baseline, rules: Preprocessing) -> Floats:
    """Give pixel values [3, rows, columns] that hold nothing of a picture, or next to nothing.

    `mean` is the mean colour that preprocessing subtracts, `blur` the picture with 4 x 4 colours.
    """
    if baseline == "blur":
        return np.stack([_blurred(channel) for channel in pixel_values])
    level = {"black": 0.0, "white": 255 * rules.rescale}.get(baseline)
    colour = [
        0.0 if level is None else (level - mean) / std
        for mean, std in zip(rules.mean, rules.std, strict=True)
    ]
    return np.broadcast_to(np.array(colour, np.float32)[:, None, None], pixel_values.shape)


def _blurred(channel: Floats) -> Floats:
    rows, columns = channel.shape
    small = Image.fromarray(channel).resize((BLURRED_SIDE, BLURRED_SIDE), Image.Resampling.BOX)
    return np.asarray(small.resize((columns, rows), Image.Resampling.BILINEAR))


def cut(pixel_values: Floats, architecture: Architecture) -> Floats:
    """Cut pixel values [3, rows, columns] into flat patches [n, 3 p p], row by row."""
    rows, columns = architecture.grid
    side = architecture.patch_size
    tiles = pixel_values.reshape(-1, rows, side, columns, side).transpose(1, 3, 0, 2, 4)
    return tiles.reshape(rows * columns, -1)


def all_patches(architecture: Architecture) -> Indexes:
    """Give the number of every patch of a picture: [n]."""
    return np.arange(architecture.patches, dtype=np.int64)


class PatchRemover:
    """Takes patches of one picture away, always in the same way."""

    def __init__(self, pixel_values: Floats, removal: Removal, contract: Contract) -> None:
        self._pixel_values = pixel_values
        self._architecture = contract.architecture
        self._baseline = (
            None
            if removal == "token"
            else baseline_picture(pixel_values, removal, contract.preprocessing)
        )

    def with_only(self, keep: Indexes) -> Pass:
        """Give the pass that finds the logits with no other patches than `keep` [K]."""
        if self._baseline is None:
            return Pass.attend(self._pixel_values, np.sort(keep), LOGITS)
        shape = self._architecture
        patches = Patches(keep, shape.grid, shape.patch_size)
        painted = Mixture(self._pixel_values, self._baseline, patches)
        return Pass.attend(painted, all_patches(shape), LOGITS)
