"""Reads timm's `pretrained_cfg`: how timm's evaluation transform makes pixel values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from model.pretrained.image_processor import CLIP_MEAN, CLIP_STD, HALF, IMAGENET_MEAN, IMAGENET_STD
from model.pretrained.refusals import check_served
from model.pretrained.rules import rules_of
from service.contract import Preprocessing
from service.errors import ErrorDetail

FILE = "config.json's pretrained_cfg"
CROP_MODES = {"center": "shortest_edge", "squash": "exact"}  # border pads: it is not served
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos")
USUAL_CROP = 0.875
Size = tuple[int, int]


def read_transform(told: Mapping[str, Any], image_size: Size) -> Preprocessing:
    """Give the preprocessing of a `pretrained_cfg`, for the size that the model sees.

    Raises InvalidInput with everything at once that cannot be done as it says.
    """
    check_served(f"{FILE} asks for what is not served", _problems(told, image_size))
    share = float(told.get("crop_pct") or USUAL_CROP)
    rows, columns = (math.floor(edge / share) for edge in image_size)
    return rules_of(
        {
            "resize": CROP_MODES[told.get("crop_mode") or "center"],
            "size": (rows, columns),
            "crop": image_size,
            "crop_after_resizing": True,
            "crop_rounding": "even",  # as torchvision's CenterCrop does
            "interpolation": told.get("interpolation") or "bicubic",
            "mean": told.get("mean") or IMAGENET_MEAN,
            "std": told.get("std") or IMAGENET_STD,
        },
        FILE,
    )


def _problems(told: Mapping[str, Any], image_size: Size) -> Iterator[ErrorDetail]:
    mode = told.get("crop_mode") or "center"
    if mode not in tuple(CROP_MODES):  # which may be of any type
        yield ErrorDetail("crop_mode", f"{mode!r} is not served; expected {', '.join(CROP_MODES)}")
    interpolation = told.get("interpolation") or "bicubic"
    if interpolation not in INTERPOLATIONS:
        yield ErrorDetail(
            "interpolation",
            f"{interpolation!r} is not served; expected {', '.join(INTERPOLATIONS)}",
        )
    share = told.get("crop_pct") or USUAL_CROP
    if not isinstance(share, int | float) or not 0 < share <= 1:
        yield ErrorDetail("crop_pct", f"{share!r} is not served; expected above 0 and at most 1")
    rows, columns = image_size
    if mode == "center" and rows != columns:  # timm then rounds otherwise than the service
        yield ErrorDetail(
            "input_size", f"{rows} x {columns} with crop_mode 'center'; expected a square"
        )
    if told.get("crop_border_pixels"):
        yield ErrorDetail("crop_border_pixels", "trimming a border is not served; expected none")


def usual_transform(architecture: str, image_size: Size) -> dict[str, Any]:
    """Give what timm's models of a name mostly do with pictures, for files that do not tell.

    Mean and standard deviation are those of the name's family; models of 384 pixels and more and
    those of DeiT III see the whole of the shortest edge, others 90 % of it.
    """
    is_whole = max(image_size) >= 384 or architecture.startswith(("deit3", "eva_large"))
    mean, std = HALF, HALF
    if "_clip_" in architecture:
        mean, std = CLIP_MEAN, CLIP_STD
    elif architecture.startswith(("deit", "vit_small_patch14", "vit_base_patch14")):
        mean, std = IMAGENET_MEAN, IMAGENET_STD
    return {"crop_pct": 1.0 if is_whole else 0.9, "mean": mean, "std": std}
