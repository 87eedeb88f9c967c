"""What a person says over the heads of a source's own files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Triple = tuple[float, float, float]
Resize = Literal["shortest_edge", "exact"]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]


@dataclass(frozen=True)
class Overrides:
    """Values that win over what the source tells; None leaves what it tells.

    `architecture` is a name of timm's. `image_size` and `size` are edges in pixels: the square that
    the model sees, and what pictures are resized to before it is cut out. `labels` is a file: one
    label a line, a JSON list, or JSON from class numbers to labels.
    """

    architecture: str | None = None
    heads: int | None = None
    image_size: int | None = None
    labels: Path | None = None
    resize: Resize | None = None
    size: int | None = None
    interpolation: Interpolation | None = None
    rescale: float | None = None
    mean: Triple | None = None
    std: Triple | None = None
