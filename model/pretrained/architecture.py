"""What a library's reader found: the shape at the source's own image size, and its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from model.config import VisionTransformerConfig
from model.position_resize import Grid, resized_positions
from model.pretrained.facts import Fact

MOST_PATCHES = 65_536  # 4096 x 4096 pixels in patches of 16


@dataclass(frozen=True)
class Architecture:
    """A plain ViT in the terms of public checkpoints, not yet in Vitrine's.

    `tensors` have timm's names: a distillation token is `dist_token`, positions may leave out the
    tokens before the patches, biases may be missing. `antialias` is how its library resizes
    positions; `follows_pictures` says that it does so by itself for pictures of another size.
    """

    name: str
    shape: VisionTransformerConfig
    tensors: Mapping[str, Tensor]
    has_head: bool
    antialias: bool
    follows_pictures: bool
    facts: tuple[Fact, ...] = ()
    warnings: tuple[str, ...] = ()

    def at(self, image_size: Grid) -> tuple[VisionTransformerConfig, dict[str, Tensor]]:
        """Give Vitrine's shape and weights for pictures of (rows, columns) pixels.

        Raises ValueError where the patches do not tile that size, or would be too many.
        """
        shape = replace(self.shape, image_size=image_size)
        if shape.patches > MOST_PATCHES:
            raise ValueError(f"it has {shape.patches:,} patches, more than {MOST_PATCHES:,}")
        weights = {
            name: tensor
            for name, tensor in self.tensors.items()
            if name not in ("pos_embed", "cls_token", "dist_token", "reg_token", "head_dist.weight")
            and not name.startswith("head")
        }
        weights |= self._tokens(shape.grid)
        weights |= self._missing_biases()
        return shape, weights | (self._head() if self.has_head else {})

    def _tokens(self, grid: Grid) -> dict[str, Tensor]:
        """Fold the positions of registers into them; a class token without one gets zeros."""
        positions, shape = self.tensors["pos_embed"], self.shape
        before = positions.shape[1] - shape.patches
        prefix, patches = positions[:, :before], positions[:, before:]
        patches = resized_positions(patches, shape.grid, grid, self.antialias)
        names = [name for name in ("dist_token", "reg_token") if name in self.tensors]
        tokens: dict[str, Tensor] = {}
        if names:
            registers = torch.cat([self.tensors[name] for name in names], dim=1)  # [1, R, d]
            if before == shape.prefix_tokens:
                registers = registers + prefix[:, int(shape.class_token) :]
            tokens["reg_token"] = registers
        if shape.class_token:
            tokens["cls_token"] = self.tensors["cls_token"]
            position = prefix[:, :1] if before else torch.zeros_like(tokens["cls_token"])
            patches = torch.cat([position, patches], dim=1)
        return {**tokens, "pos_embed": patches}

    def _missing_biases(self) -> dict[str, Tensor]:
        width, zeros = self.shape.width, torch.zeros
        found = (
            {}
            if "patch_embed.proj.bias" in self.tensors
            else {"patch_embed.proj.bias": zeros(width)}
        )
        for index in range(self.shape.depth):
            name = f"blocks.{index}.attn.qkv.bias"
            if name not in self.tensors:
                found[name] = zeros(3 * width)
        return found

    def _head(self) -> dict[str, Tensor]:
        """Join the two heads of a distilled model to one that gives their mean."""
        weight, bias = self.tensors["head.weight"], self.tensors["head.bias"]
        if "head_dist.weight" in self.tensors:
            weight = torch.cat([weight, self.tensors["head_dist.weight"]], dim=1) / 2
            bias = (bias + self.tensors["head_dist.bias"]) / 2
        return {"head.weight": weight, "head.bias": bias}
