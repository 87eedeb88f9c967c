"""Reads plain ViTs and DeiTs as the library timm saves them: sizes from tensors, the rest by name.

Shapes of tensors tell width, depth, patches, classes, registers, LayerScale and norms. How many
heads there are, no tensor tells: that comes from `--heads`, `model_args` or the architecture's
name, and where there is none of these it is width / 64.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from model.config import VisionTransformerConfig
from model.position_resize import Grid
from model.pretrained.architecture import Architecture
from model.pretrained.facts import Fact
from model.pretrained.mlp_ratio import ratio_of
from model.pretrained.refusals import (
    ATTENTION_POOLING,
    NO_FINAL_NORM,
    SWIGLU,
    check_served,
    refused_tensor,
)
from model.pretrained.tensors import take
from model.pretrained.timm_names import (
    USUAL_HEAD_WIDTH,
    heads_of,
    is_pooled_by_mean,
    plain_name,
)
from model.pretrained.timm_tensors import (
    Sizes,
    expected_tensors,
    old_names,
    read_sizes,
    trained_grid,
)
from service.architecture import Pooling
from service.errors import ErrorDetail, InvalidInput

IGNORED = (r"^mask_token$",)
EPSILON, PRE_NORM_EPSILON = 1e-6, 1e-5  # timm's; the latter where a norm precedes the blocks
TOLD_BY_TENSORS = {
    "img_size", "patch_size", "in_chans", "num_classes", "embed_dim", "depth", "mlp_ratio",
    "qkv_bias", "init_values", "class_token", "no_embed_class", "reg_tokens", "pre_norm", "fc_norm",
    "num_heads", "global_pool", "dynamic_img_size", "drop_rate", "pos_drop_rate",
    "patch_drop_rate", "proj_drop_rate", "attn_drop_rate", "drop_path_rate", "weight_init",
}  # fmt: skip
HARMLESS_ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "act_layer": (None, "gelu"), "norm_layer": (None, "layernorm"), "qk_norm": (False, None),
    "dynamic_img_pad": (False, None), "proj_bias": (True,), "pos_embed": ("learn",),
    "final_norm": (True,), "pool_include_prefix": (False, None), "scale_attn_norm": (False, None),
    "scale_mlp_norm": (False, None), "fix_init": (False, True),
}  # fmt: skip


@dataclass(frozen=True)
class Named:
    """What is known of a model beside its tensors; an empty architecture is not known."""

    architecture: str
    arguments: Mapping[str, Any]
    global_pool: str | None
    image_size: Grid | None


def named_by_config(config: Mapping[str, Any], architecture: str | None) -> Named:
    """Read the parts of timm's `config.json` that tell what a model is; a name given wins.

    Raises InvalidInput where the name or an argument of the model cannot be served.
    """
    given = architecture or config.get("architecture") or ""
    arguments = _object(config, "model_args")
    check_served("config.json's model_args ask for what is not served", _unserved(arguments))
    name = plain_name(str(given)) if given else ""
    return Named(name, arguments, config.get("global_pool"), _edges(transform_of(config)))


def transform_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Give `pretrained_cfg`; older files have its keys beside the others."""
    return _object(config, "pretrained_cfg") or dict(config)


def _object(config: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = config.get(key) or {}
    if not isinstance(value, Mapping):
        raise InvalidInput(f"config.json's {key} is {value!r}, not an object; save it again")
    return dict(value)


def _edges(transform: Mapping[str, Any]) -> Grid | None:
    """Give (rows, columns) of timm's input size, which is (channels, rows, columns)."""
    size = transform.get("input_size")
    if size is None:
        return None
    edges = list(size[-2:]) if isinstance(size, list | tuple) else []
    if len(edges) != 2 or not all(isinstance(edge, int) and edge > 0 for edge in edges):
        raise InvalidInput(f"config.json's input_size is {size!r}; expected [3, rows, columns]")
    return edges[0], edges[1]


def _unserved(arguments: Mapping[str, Any]) -> Iterator[ErrorDetail]:
    for key, value in arguments.items():
        if key in HARMLESS_ARGUMENTS and value not in HARMLESS_ARGUMENTS[key]:
            expected = HARMLESS_ARGUMENTS[key][0]
            yield ErrorDetail(key, f"{value!r} is not served; expected {expected!r}")
        elif key not in HARMLESS_ARGUMENTS and key not in TOLD_BY_TENSORS:
            yield ErrorDetail(key, f"{value!r}, and it is not known here what that changes")


def read_timm(
    named: Named, tensors: Mapping[str, Tensor], heads: int | None, where: str
) -> Architecture:
    """Read a model from its tensors and what is known beside them.

    Raises InvalidInput with the reason where it is no plain ViT, and with everything that is
    missing, superfluous or misshapen among its tensors.
    """
    tensors = old_names(tensors)
    if reason := refused_tensor(tensors):
        raise InvalidInput(f"{where} cannot be served: {reason}")
    sizes = read_sizes(tensors, where)
    _check_kind(sizes, named, where)
    grid = trained_grid(sizes, named.image_size, where)
    count, origin = _heads(named, sizes, heads, where)
    shape = _shape(named, sizes, grid, count)
    taken = take(tensors, expected_tensors(shape, sizes), IGNORED, where)
    return Architecture(
        named.architecture or "plain ViT",
        shape,
        taken,
        has_head=sizes.classes > 0,
        antialias=True,
        follows_pictures=True,  # timm fits positions to input_size when it loads weights
        facts=(
            Fact("library", f"timm, {named.architecture or 'no name given'}", _origin(named)),
            Fact("heads", str(count), origin),
        ),
        warnings=tuple(_assumed(named, shape, origin)),
    )


def _origin(named: Named) -> str:
    return "config.json or --architecture" if named.architecture else "tensors"


def _check_kind(sizes: Sizes, named: Named, where: str) -> None:
    if sizes.gated:
        raise InvalidInput(
            f"{where} cannot be served: {SWIGLU} (blocks.0.mlp.fc1 is twice as wide)"
        )
    if not (sizes.has_norm or sizes.has_fc_norm):
        raise InvalidInput(f"{where} cannot be served: {NO_FINAL_NORM}; {sorted(sizes.top)}")
    pool = named.arguments.get("global_pool", named.global_pool)
    if pool not in (None, "", "token", "avg"):
        reason = ATTENTION_POOLING if pool in ("map", "prr") else "its pooling is another"
        raise InvalidInput(
            f"{where} cannot be served: {reason}: global_pool is {pool!r}, expected 'token' or "
            "'avg'"
        )


def _heads(named: Named, sizes: Sizes, given: int | None, where: str) -> tuple[int, str]:
    if given is not None:
        return given, "--heads"
    if "num_heads" in named.arguments:
        return _count(named.arguments["num_heads"]), "config.json, model_args"
    if named.architecture:
        return heads_of(named.architecture) or 0, f"the name {named.architecture}"
    if sizes.width % USUAL_HEAD_WIDTH:
        raise InvalidInput(
            f"{where} does not tell its heads, and its width {sizes.width} is no multiple of "
            f"{USUAL_HEAD_WIDTH}; give --architecture NAME or --heads N"
        )
    return sizes.width // USUAL_HEAD_WIDTH, f"assumed, width / {USUAL_HEAD_WIDTH}"


def _count(heads: object) -> int:
    if not isinstance(heads, int) or heads < 1:
        raise InvalidInput(f"config.json's num_heads is {heads!r}; expected a number, or --heads N")
    return heads


def _shape(named: Named, sizes: Sizes, grid: Grid, heads: int) -> VisionTransformerConfig:
    try:
        return VisionTransformerConfig(
            image_size=(grid[0] * sizes.patch_size, grid[1] * sizes.patch_size),
            patch_size=sizes.patch_size,
            width=sizes.width,
            depth=sizes.depth,
            heads=heads,
            mlp_ratio=ratio_of(sizes.hidden, sizes.width),
            classes=sizes.classes or 1,
            registers=sizes.registers,
            layer_scale=1.0 if sizes.layer_scaled else None,
            pooling=_pooling(named, sizes),
            norm_epsilon=PRE_NORM_EPSILON if sizes.pre_norm else EPSILON,
            class_token=sizes.class_token,
            norm_after_pooling=sizes.has_fc_norm,
            pre_norm=sizes.pre_norm,
        )
    except ValueError as error:
        raise InvalidInput(f"the tensors do not make a ViT that can be: {error}") from None


def _pooling(named: Named, sizes: Sizes) -> Pooling:
    if sizes.distilled:
        return "class_and_distillation_token"
    pool = named.arguments.get("global_pool", named.global_pool)
    by_mean = pool == "avg" if pool else is_pooled_by_mean(named.architecture)
    return "mean" if by_mean or sizes.has_fc_norm or not sizes.class_token else "class_token"


def _assumed(named: Named, shape: VisionTransformerConfig, origin: str) -> Iterator[str]:
    if named.architecture:
        return
    yield (
        f"no name says what this model is: GELU, {shape.heads} heads ({origin}), pooling "
        f"{shape.pooling} and norms of epsilon {shape.norm_epsilon:g} are assumed; give "
        "--architecture NAME if it has one"
    )


def is_timm(config: Mapping[str, Any]) -> bool:
    """Tell whether a `config.json` is one of timm's."""
    return config.get("model_type") == "timm_wrapper" or (
        "model_type" not in config and bool({"architecture", "pretrained_cfg"} & set(config))
    )


def has_timm_names(tensors: Mapping[str, Tensor]) -> bool:
    """Tell whether tensors are named as in timm, and in the checkpoints of papers."""
    return any(re.match(r"(patch_embed|blocks\.\d+)\.", name) for name in tensors)
