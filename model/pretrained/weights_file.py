"""Reads weights that nobody vouches for: safetensors, or pickles of tensors that run nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from service.errors import InvalidInput

PICKLE_SUFFIXES = (".bin", ".pth", ".pt", ".ckpt", ".tar")
NESTS = ("state_dict_ema", "model_ema", "state_dict", "model", "module")  # as in timm
PREFIXES = ("module.", "_orig_mod.", "timm_model.")
FORBIDDEN_GLOBAL = re.compile(r"GLOBAL ([\w.]+)|([\w.]+) was not an allowed global")


@dataclass(frozen=True)
class ReadWeights:
    """Tensors in float32 by the source's names; `nest` is the key under which they lay, if any."""

    tensors: dict[str, Tensor]
    nest: str
    number_formats: tuple[str, ...]


def read_weights(files: Sequence[Path]) -> ReadWeights:
    """Read the weights of one model from its files.

    Pickles are read without running them. Raises InvalidInput, naming the file: a format that is
    not read, a broken header, a pickle that would run code, values that are not finite numbers.
    """
    found: dict[str, Any] = {}
    for file in files:
        found |= _read_file(file)
    tensors, nest = _unnested(found, files[0])
    tensors = {_without_prefix(name): tensor for name, tensor in tensors.items()}
    _check_values(tensors, files[0])
    formats = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in tensors.values()})
    plain = {name: tensor.float().contiguous() for name, tensor in tensors.items()}
    return ReadWeights(plain, nest, tuple(formats))


def _read_file(file: Path) -> dict[str, Any]:
    if file.suffix == ".safetensors":
        return _read_safetensors(file)
    if file.suffix in PICKLE_SUFFIXES:
        return _read_pickle(file)
    raise InvalidInput(
        f"{file} is none of .safetensors, {', '.join(PICKLE_SUFFIXES)}; "
        "save the model's state dict as safetensors and give that"
    )


def _read_safetensors(file: Path) -> dict[str, Any]:
    try:
        return dict(load_file(file))
    except (SafetensorError, OSError, ValueError) as error:
        raise InvalidInput(
            f"{file} is not a whole safetensors file: {error}; download or save it again"
        ) from None


def _read_pickle(file: Path) -> dict[str, Any]:
    try:
        read = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # on hostile input an unpickler may raise anything
        raise InvalidInput(_unreadable(file, error)) from None
    if not isinstance(read, dict):
        raise InvalidInput(
            f"{file} holds a {type(read).__name__}, not a dict of tensors; "
            "save the model's state dict, and give that"
        )
    return read


def _unreadable(file: Path, error: Exception) -> str:
    forbidden = FORBIDDEN_GLOBAL.search(str(error))
    if forbidden:
        name = forbidden[1] or forbidden[2]
        return (
            f"{file} is a pickle that would call {name}, so it was not run; pickles may hold "
            "tensors alone: save the model's state dict as safetensors where you trust the file"
        )
    first_line = str(error).partition("\n")[0]
    return f"{file} is not a whole file of weights: {first_line}; download or save it again"


def _unnested(found: dict[str, Any], file: Path) -> tuple[dict[str, Tensor], str]:
    """Give the dict of tensors, and the key under which training scripts had put it."""
    nest = next((key for key in NESTS if isinstance(found.get(key), dict)), "")
    inner = found[nest] if nest else found
    others = [str(name) for name, value in inner.items() if not isinstance(value, Tensor)]
    if others or not inner:
        what = f"other things than tensors: {', '.join(others[:20])}" if others else "nothing"
        raise InvalidInput(
            f"{file} holds {what}; give a file whose state dict lies at the top or under "
            f"{', '.join(NESTS)}"
        )
    return {str(name): tensor for name, tensor in inner.items()}, nest


def _without_prefix(name: str) -> str:
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _check_values(tensors: dict[str, Tensor], file: Path) -> None:
    problems = [
        f"{name} holds {str(tensor.dtype).removeprefix('torch.')}"
        for name, tensor in tensors.items()
        if not tensor.is_floating_point() and not name.endswith(("position_ids", "tracked"))
    ]
    problems += [
        f"{name} holds values that are not finite"
        for name, tensor in tensors.items()
        if tensor.is_floating_point() and not bool(tensor.isfinite().all())
    ]
    if problems:
        raise InvalidInput(
            f"{file} cannot be used: {'; '.join(problems)}; give weights in float32, float16 or "
            "bfloat16 as training left them"
        )
