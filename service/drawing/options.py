"""How a map is to be drawn: what a caller may ask for."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from service.drawing.colormap import ColormapName
from service.drawing.overlay import Interpolation

SMALLEST_SIZE = 64  # pixels of the longer side
FIXED = "fixed:"

Overlay = Literal["blend", "alpha", "heatmap", "mask", "contour"]


class Drawing(BaseModel):
    """How a map is drawn over its picture."""

    model_config = ConfigDict(frozen=True)

    overlay: Overlay = Field(
        default="alpha",
        description=(
            "Colours mixed over it (blend), colours as opaque as the score is high "
            "(alpha), colours alone (heatmap), darkness where the score is low, or near "
            "0 in maps with a sign (mask), or lines of "
            "equal score (contour)"
        ),
    )
    colormap: ColormapName = Field(
        default="cividis",
        description="Colours of a map without a sign; signed ones are blue-orange",
    )
    alpha: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.8, description="How strong the overlay is; heatmap is always opaque"
    )
    clip: Annotated[float, Field(ge=50, le=100)] = Field(
        default=100, description="Percentile of the scores at which the colours end"
    )
    scale: str = Field(
        default="image",
        description="Scores at the ends of the colours: image for its own, or fixed:LOW,HIGH",
        examples=["image", "fixed:0,0.5"],
    )
    interpolation: Interpolation = Field(
        default="bilinear", description="Whether patches are hard squares or flow into each other"
    )
    colorbar: bool = Field(default=True, description="Whether a colour bar with numbers is added")
    size: Annotated[int, Field(ge=SMALLEST_SIZE)] | None = Field(
        default=None,
        description="Pixels of the longer side; by default the original's, within 256 and 1024",
    )

    @field_validator("scale")
    @classmethod
    def _check_scale(cls, scale: str) -> str:
        if scale != "image":
            _fixed_ends(scale)
        return scale

    @property
    def fixed_scale(self) -> tuple[float, float] | None:
        """The scores at the ends of the scale; none where the image decides."""
        return None if self.scale == "image" else _fixed_ends(self.scale)


def _fixed_ends(scale: str) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in scale.removeprefix(FIXED).split(","))
    except ValueError:
        low = high = math.nan
    if not (scale.startswith(FIXED) and math.isfinite(high - low) and low < high):
        raise ValueError(
            "expected image, or fixed:LOW,HIGH with LOW below HIGH, such as fixed:0,0.5; "
            f"got {scale[:40]!r}"
        )
    return low, high
