"""The tensors of timm's ViTs: what their shapes tell, and which of them a whole model has."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from model.config import VisionTransformerConfig
from model.position_resize import Grid
from model.pretrained.tensors import Expected, Shape
from service.errors import ErrorDetail, InvalidInput

ESSENTIAL = {
    "patch_embed.proj.weight": 4, "pos_embed": 3, "blocks.0.attn.qkv.weight": 2,
    "blocks.0.mlp.fc1.weight": 2, "blocks.0.mlp.fc2.weight": 2,
}  # fmt: skip
OLD_NAMES = (  # of papers' own checkpoints
    (re.compile(r"^register_tokens$"), "reg_token"),  # DINOv2
    (re.compile(r"\.gamma_([12])$"), r".ls\1.gamma"),  # DeiT III
)


@dataclass(frozen=True)
class Sizes:
    """What the tensors of a checkpoint tell of its architecture."""

    width: int
    depth: int
    hidden: int
    patch_size: int
    classes: int
    registers: int
    position_rows: int
    class_token: bool
    distilled: bool
    layer_scaled: bool
    qkv_bias: bool
    pre_norm: bool
    patch_bias: bool
    has_norm: bool
    has_fc_norm: bool
    gated: bool
    top: frozenset[str]


def old_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give tensors by timm's names, where a paper's own checkpoint has others."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        for pattern, replacement in OLD_NAMES:
            name = pattern.sub(replacement, name)
        renamed[name] = tensor
    return renamed


def read_sizes(tensors: Mapping[str, Tensor], where: str) -> Sizes:
    """Read the sizes. Raises InvalidInput where the tensors that tell them are not there."""
    _check_essential(tensors, where)
    patch = tensors["patch_embed.proj.weight"]
    first = tensors["blocks.0.mlp.fc1.weight"].shape[0]
    hidden = tensors["blocks.0.mlp.fc2.weight"].shape[1]
    extra = [tensors[name].shape[1] for name in ("dist_token", "reg_token") if name in tensors]
    blocks = {int(found[1]) for name in tensors if (found := re.match(r"blocks\.(\d+)\.", name))}
    head = tensors.get("head.weight")
    return Sizes(
        width=patch.shape[0],
        depth=len(blocks),  # a gap shows as missing tensors
        hidden=hidden,
        patch_size=patch.shape[2],
        classes=len(head) if head is not None else 0,
        registers=sum(extra),
        position_rows=tensors["pos_embed"].shape[1],
        class_token="cls_token" in tensors,
        distilled="head_dist.weight" in tensors,
        layer_scaled="blocks.0.ls1.gamma" in tensors,
        qkv_bias="blocks.0.attn.qkv.bias" in tensors,
        pre_norm="norm_pre.weight" in tensors,
        patch_bias="norm_pre.weight" not in tensors or "patch_embed.proj.bias" in tensors,
        has_norm="norm.weight" in tensors,
        has_fc_norm="fc_norm.weight" in tensors,
        gated=first == 2 * hidden,
        top=frozenset(name for name in tensors if not name.startswith("blocks.")),
    )


def _check_essential(tensors: Mapping[str, Tensor], where: str) -> None:
    problems = [
        ErrorDetail(name, f"expected {axes} axes, got {_shown(tensors.get(name))}")
        for name, axes in ESSENTIAL.items()
        if name not in tensors or tensors[name].ndim != axes
    ]
    patch = tensors.get("patch_embed.proj.weight")
    if patch is not None and patch.ndim == 4 and patch.shape[1] != 3:
        problems.append(ErrorDetail("channels", f"expected 3, got {patch.shape[1]}"))
    if patch is not None and patch.ndim == 4 and patch.shape[2] != patch.shape[3]:
        problems.append(ErrorDetail("patches", f"expected square ones, got {_shown(patch)}"))
    if problems:
        there = ", ".join(sorted(tensors)[:12])
        raise InvalidInput(
            f"{where} is no plain ViT: "
            + "; ".join(map(str, problems))
            + f". It holds {len(tensors)} tensors: {there}; give the state dict of a model whose "
            "names are those of timm, or a folder with the config.json that belongs to it",
            problems,
        )


def _shown(tensor: Tensor | None) -> str:
    return "nothing" if tensor is None else " x ".join(map(str, tensor.shape))


def trained_grid(sizes: Sizes, image_size: Grid | None, where: str) -> Grid:
    """Give the grid of the positions: that of the image size if it fits, else a square one.

    Positions may be those of the patches alone, or have the class token's and the registers' too.
    """
    prefixes = sorted({0, int(sizes.class_token), int(sizes.class_token) + sizes.registers})
    if image_size is not None:
        rows, columns = (edge // sizes.patch_size for edge in image_size)
        if sizes.position_rows - rows * columns in prefixes:
            return rows, columns
    for before in reversed(prefixes):
        side = math.isqrt(max(sizes.position_rows - before, 0))
        if side and side**2 == sizes.position_rows - before:
            return side, side
    raise InvalidInput(
        f"{where} has {sizes.position_rows} rows in pos_embed; expected a square of patches and "
        f"{' or '.join(map(str, prefixes))} more"
    )


def expected_tensors(shape: VisionTransformerConfig, sizes: Sizes) -> dict[str, Expected]:
    """List the tensors that a checkpoint of this shape has."""
    width, sides = shape.width, (shape.patch_size, shape.patch_size)
    found: dict[str, Shape] = {"pos_embed": (1, sizes.position_rows, width)}
    found |= _affine("patch_embed.proj", (width, shape.channels, *sides), sizes.patch_bias)
    if shape.class_token:
        found["cls_token"] = (1, 1, width)
    if sizes.distilled or "dist_token" in sizes.top:
        found["dist_token"] = (1, 1, width)
    if rest := shape.registers - int("dist_token" in sizes.top):
        found["reg_token"] = (1, rest, width)
    for name in ("norm_pre", "norm", "fc_norm"):
        if f"{name}.weight" in sizes.top and not (name == "norm" and sizes.has_fc_norm):
            found |= _affine(name, (width,))
    for index in range(shape.depth):
        found |= _block(f"blocks.{index}.", shape, sizes)
    heads = [*(["head"] if sizes.classes else []), *(["head_dist"] if sizes.distilled else [])]
    for name in heads:
        found |= _affine(name, (sizes.classes, width))
    return {name: Expected(name, size) for name, size in found.items()}


def _block(start: str, shape: VisionTransformerConfig, sizes: Sizes) -> dict[str, Shape]:
    width, hidden = shape.width, sizes.hidden
    found = {
        **_affine(f"{start}norm1", (width,)),
        **_affine(f"{start}attn.qkv", (3 * width, width), sizes.qkv_bias),
        **_affine(f"{start}attn.proj", (width, width)),
        **_affine(f"{start}norm2", (width,)),
        **_affine(f"{start}mlp.fc1", (hidden, width)),
        **_affine(f"{start}mlp.fc2", (width, hidden)),
    }
    if sizes.layer_scaled:
        found |= {f"{start}ls{number}.gamma": (width,) for number in (1, 2)}
    return found


def _affine(name: str, sizes: tuple[int, ...], has_bias: bool = True) -> dict[str, Shape]:
    bias = {f"{name}.bias": sizes[:1]} if has_bias else {}
    return {f"{name}.weight": sizes, **bias}
