"""The shape of a Vision Transformer, as one small comparable value.

Sizes of the family (depth, width, heads):
Ti 12, 192, 3; S 12, 384, 6; B 12, 768, 12; L 24, 1024, 16.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Pooling = Literal["class_token", "mean"]


@dataclass(frozen=True)
class VisionTransformerConfig:
    """Everything that fixes the parameters and the arithmetic of a plain pre-norm ViT.

    Sizes are in pixels, `(rows, columns)`. `registers` are extra learned tokens without position
    (Darcet et al., ICLR 2024). `layer_scale` is the initial LayerScale (Touvron et al., ICCV 2021),
    none by default. `drop_path` is the stochastic-depth rate of the last block, rising linearly
    from 0 at the first (Huang et al., ECCV 2016). `patch_drop` is the share of patches that a
    training step leaves out of every image (PatchDropout, Liu et al., WACV 2023).

    Raises ValueError, naming the field, when the values do not fit together.
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

    def __post_init__(self) -> None:
        for name in ("patch_size", "channels", "width", "depth", "heads", "classes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if any(side < 1 or side % self.patch_size for side in self.image_size):
            raise ValueError(
                f"image_size {self.image_size} is not a multiple of patch_size {self.patch_size}; "
                "choose sizes that the patches tile exactly"
            )
        if self.width % self.heads:
            raise ValueError(
                f"width {self.width} does not split into {self.heads} heads; choose a multiple"
            )
        for name in ("drop_path", "patch_drop"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be in [0, 1)")
        if self.pooling not in ("class_token", "mean"):
            raise ValueError(f"pooling is {self.pooling!r}; choose 'class_token' or 'mean'")

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
        """Tokens before the patches: the class token and the registers."""
        return 1 + self.registers

    @property
    def tokens(self) -> int:
        """Tokens in the sequence: N = prefix_tokens + n."""
        return self.prefix_tokens + self.patches

    @property
    def head_width(self) -> int:
        """Features of one head."""
        return self.width // self.heads

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> VisionTransformerConfig:
        """Read back what `to_dict` gave."""
        rows, columns = values["image_size"]
        return cls(**{**values, "image_size": (rows, columns)})
