"""Reads `preprocessor_config.json`: how transformers' image processors make pixel values.

Whatever it asks for is done as it says, or refused by name. Absent keys have the values that the
processor of that type gives them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from model.pretrained.refusals import check_served
from model.pretrained.rules import rules_of
from service.contract import Preprocessing
from service.errors import ErrorDetail, InvalidInput

FILE = "preprocessor_config.json"
HALF = (0.5, 0.5, 0.5)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
NEAREST, LANCZOS, BILINEAR, BICUBIC, BOX, HAMMING = range(6)  # as Pillow numbers them
INTERPOLATIONS = {
    NEAREST: "nearest", LANCZOS: "lanczos", BILINEAR: "bilinear", BICUBIC: "bicubic",
}  # fmt: skip
UNSERVED_INTERPOLATIONS = {BOX: "box", HAMMING: "hamming"}


@dataclass(frozen=True)
class Defaults:
    """What a processor's type does where its file says nothing; sizes are edges in pixels.

    `is_square`: a size that is one number means a square, not the shortest edge.
    """

    size: int
    is_square: bool
    crop: int | None
    resample: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


TYPES: dict[str, Defaults] = {
    "ViT": Defaults(224, True, None, BILINEAR, HALF, HALF),
    "DeiT": Defaults(256, True, 224, BICUBIC, HALF, HALF),
    "Bit": Defaults(224, False, 224, BICUBIC, CLIP_MEAN, CLIP_STD),
    "CLIP": Defaults(224, False, 224, BICUBIC, CLIP_MEAN, CLIP_STD),
}
FAMILIES: dict[str, Defaults] = {  # what the public models of a family come with
    "vit": TYPES["ViT"],
    "deit": Defaults(256, True, 224, BICUBIC, IMAGENET_MEAN, IMAGENET_STD),
    "dinov2": Defaults(256, False, 224, BICUBIC, IMAGENET_MEAN, IMAGENET_STD),
    "dinov2_with_registers": Defaults(256, False, 224, BICUBIC, IMAGENET_MEAN, IMAGENET_STD),
}
STEPS = ("do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_convert_rgb")


def family_preprocessing(family: str, image_size: int) -> Preprocessing:
    """Give what a family's public models do with pictures, for models that do not tell."""
    usual = FAMILIES[family]
    crop = usual.crop or usual.size
    return Preprocessing(
        resize="exact" if usual.is_square else "shortest_edge",
        size=_square(round(usual.size * image_size / crop)),
        crop=_square(image_size),
        crop_after_resizing=True,
        interpolation=INTERPOLATIONS[usual.resample],
        mean=usual.mean,
        std=usual.std,
    )


def read_processor(told: Mapping[str, Any]) -> Preprocessing:
    """Give the preprocessing that a `preprocessor_config.json` describes.

    Raises InvalidInput with everything at once that cannot be done as it says.
    """
    named = str(told.get("image_processor_type") or told.get("feature_extractor_type") or "ViT")
    kind = named
    for suffix in ("Fast", "Pil", "ImageProcessor", "FeatureExtractor"):
        kind = kind.removesuffix(suffix)
    defaults = TYPES.get(kind)
    if defaults is None:
        raise InvalidInput(
            f"{FILE} is of type {named}; those of "
            f"{', '.join(TYPES)} are read, so remove the file and give --resize, --size, "
            "--interpolation, --mean and --std"
        )
    check_served(f"{FILE} asks for what is not served", _problems(told, defaults))
    return _preprocessing(told, defaults)


def _preprocessing(told: Mapping[str, Any], defaults: Defaults) -> Preprocessing:
    resize, size = _size(told.get("size", defaults.size), defaults)
    is_normalised = told.get("do_normalize", True)
    mean, std = told.get("image_mean", defaults.mean), told.get("image_std", defaults.std)
    rescale = told.get("rescale_factor", 1 / 255) if told.get("do_rescale", True) else 1.0
    return rules_of(
        {
            "resize": resize,
            "size": size,
            "crop": _crop(told, defaults) or size,
            "crop_after_resizing": True,
            "interpolation": INTERPOLATIONS[told.get("resample", defaults.resample)],
            "rescale": rescale,
            "mean": mean if is_normalised else (0.0, 0.0, 0.0),
            "std": std if is_normalised else (1.0, 1.0, 1.0),
        },
        FILE,
    )


def _problems(told: Mapping[str, Any], defaults: Defaults) -> Iterator[ErrorDetail]:
    for key in told:
        if key.startswith("do_") and key not in STEPS and told[key]:
            yield ErrorDetail(key, f"{told[key]!r} is not served; expected False")
    if told.get("crop_pct") not in (None, 1, 1.0):
        yield ErrorDetail("crop_pct", f"{told['crop_pct']!r} is not served; expected none")
    if not told.get("do_resize", True):
        yield ErrorDetail(
            "do_resize", "False leaves pictures of any size, and the model takes one; expected True"
        )
    size, crop = told.get("size", defaults.size), _crop(told, defaults)
    resize, edges = _size(size, defaults)
    if edges is None:
        yield ErrorDetail(
            "size",
            f"{size!r} is not served; expected a number, height and width, or shortest_edge",
        )
    elif resize == "shortest_edge" and crop is None:
        yield ErrorDetail(
            "do_center_crop",
            "without it pictures resized by their shortest edge have any size; expected True",
        )
    if _is_cropped(told, defaults) and crop is None:
        yield ErrorDetail("crop_size", f"{told.get('crop_size')!r} is no number, height and width")
    resample = told.get("resample", defaults.resample)
    if resample not in tuple(INTERPOLATIONS):  # which may be of any type
        name = UNSERVED_INTERPOLATIONS.get(resample, "") if isinstance(resample, int) else ""
        yield ErrorDetail("resample", f"{resample!r} {name} is not served; expected 0, 1, 2 or 3")


def _size(size: object, defaults: Defaults) -> tuple[str, tuple[int, int] | None]:
    """Give the way of resizing and (rows, columns); None where the size is of another kind."""
    if isinstance(size, int):
        return "exact" if defaults.is_square else "shortest_edge", _square(size)
    if isinstance(size, Mapping) and set(size) == {"shortest_edge"}:
        return "shortest_edge", _edges(size["shortest_edge"])
    return "exact", _edges(size)


def _is_cropped(told: Mapping[str, Any], defaults: Defaults) -> bool:
    return bool(told.get("do_center_crop", defaults.crop is not None))


def _crop(told: Mapping[str, Any], defaults: Defaults) -> tuple[int, int] | None:
    if not _is_cropped(told, defaults):
        return None
    return _edges(told.get("crop_size", defaults.crop or defaults.size))


def _edges(value: object) -> tuple[int, int] | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return _square(value)
    if isinstance(value, Mapping) and set(value) == {"height", "width"}:
        rows, columns = value["height"], value["width"]
        if isinstance(rows, int) and isinstance(columns, int):
            return rows, columns
    return None


def _square(edge: int) -> tuple[int, int]:
    return edge, edge
