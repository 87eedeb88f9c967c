"""The shape of a Vision Transformer, as one small comparable value.

Sizes of the family (depth, width, heads):
Ti 12, 192, 3; S 12, 384, 6; B 12, 768, 12; L 24, 1024, 16.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, get_args

from service.architecture import PAIRED, Pooling


@dataclass(frozen=True)
class VisionTransformerConfig:
    """Everything that fixes the parameters and the arithmetic of a plain pre-norm ViT.

    Sizes are in pixels, `(rows, columns)`. `registers` are extra learned tokens without position
    (Darcet et al., ICLR 2024). `layer_scale` is the initial LayerScale (Touvron et al., ICCV 2021),
    none by default. `drop_path` is the stochastic-depth rate of the last block, rising linearly
    from 0 at the first (Huang et al., ECCV 2016). `patch_drop` is the share of patches that a
    training step leaves out of every image (PatchDropout, Liu et al., WACV 2023).

    `pooling` says what the head reads of the tokens:

    - `class_token`: the class token (Dosovitskiy et al., ICLR 2021);
    - `mean`: the mean of the patches; such a model may do without a `class_token`;
    - `class_token_and_mean`: the one beside the other, twice as wide (the linear head of DINOv2,
      Oquab et al., TMLR 2024);
    - `class_and_distillation_token`: the class token beside the first register, which is then the
      distillation token of DeiT (Touvron et al., ICML 2021).

    `norm_after_pooling` normalises the mean of the patches, not every token before it (MAE, He et
    al., CVPR 2022). `pre_norm` normalises the tokens before the first block (CLIP, Radford et al.,
    ICML 2021).

    Raises ValueError, naming every field that does not fit.
    """

    image_size: tuple[int, int] = (32, 32)
    patch_size: int = 4
    channels: int = 3
    width: int = 192
    depth: int = 9
    heads: int = 3
    mlp_ratio: float = 4.0
    classes: int = 10
    registers: int = 0
    layer_scale: float | None = None
    pooling: Pooling = "class_token"
    drop_path: float = 0.0
    patch_drop: float = 0.0
    norm_epsilon: float = 1e-6
    class_token: bool = True
    norm_after_pooling: bool = False
    pre_norm: bool = False

    def __post_init__(self) -> None:
        if problems := [*self._sizes_that_do_not_fit(), *self._pooling_that_does_not_fit()]:
            raise ValueError("; ".join(problems))

    def _sizes_that_do_not_fit(self) -> Iterator[str]:
        sizes = ("patch_size", "channels", "width", "depth", "heads", "classes")
        least = {**dict.fromkeys(sizes, 1), "registers": 0}
        too_small = [name for name in least if getattr(self, name) < least[name]]
        for name in too_small:
            yield f"{name} is {getattr(self, name)}; it must be at least {least[name]}"
        sides = self.image_size
        if "patch_size" not in too_small and any(s < 1 or s % self.patch_size for s in sides):
            yield (
                f"image_size {self.image_size} is not a multiple of patch_size {self.patch_size}; "
                "choose sizes that the patches tile exactly"
            )
        if "heads" not in too_small and self.width % self.heads:
            yield f"width {self.width} does not split into {self.heads} heads; choose a multiple"
        for name in ("drop_path", "patch_drop"):
            if not 0 <= getattr(self, name) < 1:
                yield f"{name} is {getattr(self, name)}; it must be in [0, 1)"

    def _pooling_that_does_not_fit(self) -> Iterator[str]:
        known = get_args(Pooling)
        if self.pooling not in known:
            yield f"pooling is {self.pooling!r}; choose {', '.join(map(repr, known))}"
            return
        if not self.class_token and self.pooling != "mean":
            yield (
                f"class_token is False and pooling {self.pooling!r} reads a class token; "
                "choose pooling 'mean', or keep the class token"
            )
        if self.pooling == "class_and_distillation_token" and self.registers < 1:
            yield (
                f"registers is {self.registers} and pooling {self.pooling!r} reads the first "
                "register; choose registers of at least 1, or pooling 'class_token'"
            )
        if self.norm_after_pooling and self.pooling != "mean":
            yield (
                f"norm_after_pooling is True with pooling {self.pooling!r}; "
                "choose pooling 'mean', or norm_after_pooling False"
            )

    @property
    def grid(self) -> tuple[int, int]:
        """Patches as (rows, columns)."""
        return self.image_size[0] // self.patch_size, self.image_size[1] // self.patch_size

    @property
    def patches(self) -> int:
        """Patches in an image: n."""
        return self.grid[0] * self.grid[1]

    @property
    def prefix_tokens(self) -> int:
        """Tokens before the patches: the class token, if there is one, and the registers."""
        return int(self.class_token) + self.registers

    @property
    def tokens(self) -> int:
        """Tokens in the sequence: N = prefix_tokens + n."""
        return self.prefix_tokens + self.patches

    @property
    def head_width(self) -> int:
        """Features of one head."""
        return self.width // self.heads

    @property
    def readout_width(self) -> int:
        """Features that the head reads: d, or 2d where two tokens stand beside each other."""
        return 2 * self.width if self.pooling in PAIRED else self.width

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> VisionTransformerConfig:
        """Read back what `to_dict` gave."""
        rows, columns = values["image_size"]
        return cls(**{**values, "image_size": (rows, columns)})
