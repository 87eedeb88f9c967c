"""Bundles with other weights in the same graphs, since exporting takes long."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from model.checkpoint import Checkpoint
from model.explain import Attender, Explainer
from model.vit import VisionTransformer
from service.architecture import Architecture
from service.contract import GOLDEN_FILE, Preprocessing
from service.decoding import ImageLimits
from service.explanation.maps import attention_rollout
from service.golden import Golden
from service.preprocess import preprocess

WEIGHTS_FILE = "weights.safetensors"
LENGTH_BYTES = 8  # a file is the header's length, the header in JSON, and the numbers


def with_weights(content: bytes, model: VisionTransformer) -> bytes:
    """Put a model's weights into the places that a weights file has for them."""
    start = LENGTH_BYTES + int.from_bytes(content[:LENGTH_BYTES], "little")
    header = json.loads(content[LENGTH_BYTES:start])
    changed = bytearray(content)
    for name, value in model.state_dict().items():
        first, last = header[name]["data_offsets"]
        changed[start + first : start + last] = value.numpy().tobytes()
    return bytes(changed)


def golden_of(
    model: VisionTransformer,
    pictures: Sequence[bytes],
    rules: Preprocessing,
    architecture: Architecture,
) -> Golden:
    """Compute what a bundle of a model must give for pictures."""
    pixels = np.stack([preprocess(data, rules, ImageLimits())[1] for data in pictures])
    given = torch.from_numpy(pixels)
    predicted = torch.zeros(len(pictures), 1, model.config.classes)
    everything = torch.arange(model.config.patches).repeat(len(pictures), 1)
    with torch.inference_mode():
        logits, relevance, *_ = Explainer(model)(given, predicted, predicted[:, :0])
        _, attention, _ = Attender(model)(given, everything)
    return Golden(
        tuple(pictures),
        pixels,
        logits.numpy(),
        relevance[:, 0, 0].reshape(-1, *architecture.grid).numpy(),
        np.stack([attention_rollout(one.numpy(), architecture) for one in attention]),
    )


def reweighted(
    checkpoint: Checkpoint,
    bundle: Path,
    folder: Path,
    change: Callable[[VisionTransformer], object],
    pictures: Sequence[bytes],
    **rules: object,
) -> dict[str, bytes]:
    """Give the files that a bundle has when `change` was made to its model.

    The golden numbers are those of `pictures`; `rules` are changes to the preprocessing.
    """
    model = copy.deepcopy(checkpoint.model)
    with torch.no_grad():
        change(model)
    contract = json.loads((bundle / "contract.json").read_text())
    preprocessing = Preprocessing.model_validate({**contract["preprocessing"], **rules})
    architecture = Architecture.model_validate(contract["architecture"])
    golden_of(model, pictures, preprocessing, architecture).save(folder / GOLDEN_FILE)
    return {
        WEIGHTS_FILE: with_weights((bundle / WEIGHTS_FILE).read_bytes(), model),
        GOLDEN_FILE: (folder / GOLDEN_FILE).read_bytes(),
    }
