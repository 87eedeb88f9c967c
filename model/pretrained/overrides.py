"""What a person says over the heads of a source's own files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Triple = tuple[float, float, float]
Resize = Literal["shortest_edge", "exact"]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]


class Overrides(BaseModel):
    """Values that win over what the source tells; None leaves what it tells."""

    model_config = ConfigDict(frozen=True)

    architecture: str | None = Field(
        default=None, description="Name of the architecture in timm, for a bare file of weights"
    )
    heads: int | None = Field(default=None, ge=1, description="Attention heads of each block")
    image_size: int | None = Field(
        default=None, ge=1, description="Edge in pixels that the model sees; positions are resized"
    )
    labels: Path | None = Field(
        default=None, description="File of labels: one a line, or JSON of a list or of id2label"
    )
    resize: Resize | None = Field(
        default=None, description="shortest_edge keeps the aspect, exact stretches"
    )
    size: int | None = Field(default=None, ge=1, description="Edge that pictures are resized to")
    interpolation: Interpolation | None = Field(default=None, description="How they are resized")
    rescale: float | None = Field(default=None, gt=0, description="Factor of levels 0 to 255")
    mean: Triple | None = Field(default=None, description="Mean of the channels, as 0.5,0.5,0.5")
    std: Triple | None = Field(default=None, description="Their standard deviation, likewise")


AS_TOLD = Overrides()
