"""What timm's plain ViT computes, written anew for the tests, with timm's parameter names.

It shares no code with `model/vit.py`: tokens are assembled in timm's order, the sums are einsums.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.model.pretrained.saved import randomize


@dataclass(frozen=True)
class Arguments:
    """timm's own arguments of a VisionTransformer, by timm's names."""

    img_size: int = 32
    patch_size: int = 8
    num_classes: int = 5
    global_pool: str = "token"
    embed_dim: int = 24
    depth: int = 2
    num_heads: int = 2
    hidden: int = 40
    qkv_bias: bool = True
    init_values: float | None = None
    class_token: bool = True
    no_embed_class: bool = False
    reg_tokens: int = 0
    pre_norm: bool = False
    fc_norm: bool | None = None
    distilled: bool = False

    @property
    def prefix(self) -> int:
        """Tokens before the patches."""
        return int(self.class_token) + self.reg_tokens + int(self.distilled)

    @property
    def norms_after_pooling(self) -> bool:
        """Whether the mean is normalised, not the tokens."""
        return self.global_pool == "avg" if self.fc_norm is None else self.fc_norm


class Block(nn.Module):
    def __init__(self, of: Arguments, epsilon: float) -> None:
        super().__init__()
        width = of.embed_dim
        self.heads = of.num_heads
        self.norm1 = nn.LayerNorm(width, eps=epsilon)
        self.attn = nn.ModuleDict(
            {
                "qkv": nn.Linear(width, 3 * width, bias=of.qkv_bias),
                "proj": nn.Linear(width, width),
            }
        )
        self.norm2 = nn.LayerNorm(width, eps=epsilon)
        self.mlp = nn.ModuleDict(
            {"fc1": nn.Linear(width, of.hidden), "fc2": nn.Linear(of.hidden, width)}
        )
        if of.init_values:
            self.ls1 = nn.ParameterDict({"gamma": nn.Parameter(torch.ones(width))})
            self.ls2 = nn.ParameterDict({"gamma": nn.Parameter(torch.ones(width))})

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        qkv = self.attn["qkv"](self.norm1(x)).reshape(batch, tokens, 3, self.heads, -1)
        q, k, v = qkv.unbind(2)
        weights = torch.einsum("bihd,bjhd->bhij", q, k) * (width // self.heads) ** -0.5
        mixed = torch.einsum("bhij,bjhd->bihd", weights.softmax(-1), v).reshape(x.shape)
        x = x + self._scaled("ls1", self.attn["proj"](mixed))
        inner = functional.gelu(self.mlp["fc1"](self.norm2(x)))
        return x + self._scaled("ls2", self.mlp["fc2"](inner))

    def _scaled(self, name: str, branch: Tensor) -> Tensor:
        return branch * getattr(self, name)["gamma"] if hasattr(self, name) else branch


class TimmReference(nn.Module):
    def __init__(self, of: Arguments) -> None:
        super().__init__()
        self.of = of
        width, size = of.embed_dim, of.patch_size
        epsilon = 1e-5 if of.pre_norm else 1e-6
        conv = nn.Conv2d(3, width, size, size, bias=not of.pre_norm)
        self.patch_embed = nn.ModuleDict({"proj": conv})
        if of.class_token:
            self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        if of.distilled:
            self.dist_token = nn.Parameter(torch.zeros(1, 1, width))
        if of.reg_tokens:
            self.reg_token = nn.Parameter(torch.zeros(1, of.reg_tokens, width))
        rows = (of.img_size // size) ** 2 + (0 if of.no_embed_class else of.prefix)
        self.pos_embed = nn.Parameter(torch.zeros(1, rows, width))
        if of.pre_norm:
            self.norm_pre = nn.LayerNorm(width, eps=epsilon)
        self.blocks = nn.ModuleList(Block(of, epsilon) for _ in range(of.depth))
        name = "fc_norm" if of.norms_after_pooling else "norm"
        setattr(self, name, nn.LayerNorm(width, eps=epsilon))
        if of.num_classes:
            self.head = nn.Linear(width, of.num_classes)
            if of.distilled:
                self.head_dist = nn.Linear(width, of.num_classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self._embedded(images)
        if self.of.pre_norm:
            x = self.norm_pre(x)
        for block in self.blocks:
            x = block(x)
        if not self.of.norms_after_pooling:
            x = self.norm(x)
        if self.of.distilled:
            return (self.head(x[:, 0]) + self.head_dist(x[:, 1])) / 2
        x = x[:, 0] if self.of.global_pool == "token" else x[:, self.of.prefix :].mean(dim=1)
        return self.head(self.fc_norm(x) if self.of.norms_after_pooling else x)

    def _embedded(self, images: Tensor) -> Tensor:
        patches = self.patch_embed["proj"](images).flatten(2).transpose(1, 2)
        names = ("cls_token", "dist_token", "reg_token")
        prefix = [
            getattr(self, name).expand(len(images), -1, -1) for name in names if hasattr(self, name)
        ]
        if self.of.no_embed_class:
            return torch.cat([*prefix, patches + self.pos_embed], dim=1)
        return torch.cat([*prefix, patches], dim=1) + self.pos_embed

    def resampled(self, side: int) -> TimmReference:
        """Give the same model for another image size, as timm loads it: bicubic, antialias."""
        from dataclasses import replace

        other = TimmReference(replace(self.of, img_size=side))
        state = self.state_dict()
        before = 0 if self.of.no_embed_class else self.of.prefix
        old, new = self.of.img_size // self.of.patch_size, side // self.of.patch_size
        kept, grid = state["pos_embed"][:, :before], state["pos_embed"][:, before:]
        grid = grid.reshape(1, old, old, -1).permute(0, 3, 1, 2)
        grid = functional.interpolate(grid, size=(new, new), mode="bicubic", antialias=True)
        grid = grid.permute(0, 2, 3, 1).reshape(1, new * new, -1)
        other.load_state_dict({**state, "pos_embed": torch.cat([kept, grid], dim=1)})
        return other.eval()


def timm_reference(seed: int = 0, **arguments: object) -> TimmReference:
    """Make such a model with weights that do not vanish, in evaluation mode."""
    model = TimmReference(Arguments(**arguments))
    randomize(model, seed)
    return model.eval()
