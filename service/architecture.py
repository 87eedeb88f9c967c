"""The shape of a Vision Transformer, as a contract states it.

n patches, N tokens, d width.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from service.record import Value

Pooling = Literal["class_token", "mean", "class_token_and_mean", "class_and_distillation_token"]
PAIRED = ("class_token_and_mean", "class_and_distillation_token")  # poolings that read two tokens
PixelSize = tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]


class Architecture(Value):
    """The shape of the Vision Transformer, as far as the service and its page must know it."""

    family: Literal["vit"] = "vit"
    image_size: PixelSize
    patch_size: Annotated[int, Field(ge=1)]
    grid: PixelSize = Field(description="Patches as (rows, columns)")
    depth: Annotated[int, Field(ge=1)]
    heads: Annotated[int, Field(ge=1)]
    width: Annotated[int, Field(ge=1)]
    prefix_tokens: Annotated[int, Field(ge=0)] = Field(
        description="Tokens before the patches: the class token, if there is one, and registers"
    )
    class_token: bool = Field(default=True, description="Whether the first token is a class token")
    pooling: Pooling = Field(
        description="What the head reads: the class token, the mean of the patches, or two of "
        "width d beside each other: the class token and the mean, or the class token and the "
        "first register, which is then the distillation token"
    )
    norm_after_pooling: bool = Field(
        default=False, description="Whether the mean is normalised, and not the tokens before it"
    )
    pre_norm: bool = Field(
        default=False, description="Whether the tokens are normalised before the first block"
    )
    parameters: Annotated[int, Field(ge=1)]

    @property
    def patches(self) -> int:
        """Patches in an image: n."""
        return self.grid[0] * self.grid[1]

    @property
    def tokens(self) -> int:
        """Tokens in the sequence: N = prefix_tokens + n."""
        return self.prefix_tokens + self.patches

    @property
    def registers(self) -> int:
        """Tokens before the patches that are no class token."""
        return self.prefix_tokens - int(self.class_token)

    @property
    def readout_width(self) -> int:
        """Features that the head reads: d, or 2d where two stand beside each other."""
        return 2 * self.width if self.pooling in PAIRED else self.width

    @model_validator(mode="after")
    def fits_together(self) -> Self:
        if problems := [*self._grid_that_does_not_fit(), *self._tokens_that_do_not_fit()]:
            raise ValueError("; ".join(problems))
        return self

    def _grid_that_does_not_fit(self) -> Iterator[str]:
        expected = tuple(side // self.patch_size for side in self.image_size)
        if self.grid != expected:
            yield (
                f"grid {self.grid} is not image_size {self.image_size} by patch_size "
                f"{self.patch_size}, which is {expected}"
            )

    def _tokens_that_do_not_fit(self) -> Iterator[str]:
        least = 1 if self.class_token else 0
        if self.pooling == "class_and_distillation_token":
            least = 2
        if self.prefix_tokens < least:
            yield (
                f"prefix_tokens is {self.prefix_tokens}, but class_token is {self.class_token} and "
                f"pooling is {self.pooling!r}, which make it at least {least}"
            )
        if not self.class_token and self.pooling != "mean":
            yield f"class_token is False, but pooling {self.pooling!r} reads a class token"
        if self.norm_after_pooling and self.pooling != "mean":
            yield f"norm_after_pooling is True, but pooling is {self.pooling!r}, not 'mean'"
