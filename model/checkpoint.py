"""What a run folder holds for others: the weights to use, and the record of how they came.

    model.safetensors            averaged weights of the best epoch so far, float32
    checkpoint.json              shape, labels, preprocessing, provenance
    state/training.safetensors   what resuming needs: `position.py`
    metrics.csv, tensorboard/    curves: `reporter.py`

Every file is written beside its place, synced, then renamed: a kill at any moment leaves the last
complete one. The state is the truth and is written first; it holds the best weights too, so that
a training that resumes can write the other two again where a kill came between them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from model.config import VisionTransformerConfig
from model.vit import VisionTransformer
from service.bundle import read_bundle
from service.contract import CONTRACT_FILE, SHAPE_KEY, WEIGHTS_FILE
from service.errors import InvalidInput

SCHEMA_VERSION = 1
MODEL_FILE = "model.safetensors"
RECORD_FILE = "checkpoint.json"


@dataclass(frozen=True)
class Checkpoint:
    """A trained model with everything needed to use it and to tell how it was made."""

    model: VisionTransformer
    labels: tuple[str, ...]
    preprocessing: dict[str, Any]
    provenance: dict[str, Any]


def save_checkpoint(
    run: Path,
    weights: Mapping[str, Tensor],
    shape: VisionTransformerConfig,
    labels: tuple[str, ...],
    preprocessing: dict[str, Any],
    provenance: dict[str, Any],
) -> None:
    """Write the weights and their record into a run folder."""
    record = {
        "schema_version": SCHEMA_VERSION,
        "model": shape.to_dict(),
        "labels": list(labels),
        "preprocessing": preprocessing,
        "provenance": provenance,
    }
    tensors = {name: weight.detach().cpu().contiguous() for name, weight in weights.items()}
    write_atomically(run / MODEL_FILE, save(tensors))
    write_atomically(run / RECORD_FILE, (json.dumps(record, indent=2) + "\n").encode())


def is_recorded(run: Path, images_seen: int) -> bool:
    """Say whether the run folder's record, written last of all, is of after `images_seen`."""
    record_file = run / RECORD_FILE
    if not record_file.is_file():
        return False
    seen = json.loads(record_file.read_text())["provenance"].get("images_seen")
    return bool(seen == images_seen)


def load_checkpoint(run: Path) -> Checkpoint:
    """Read a run folder or a bundle back; the model is in evaluation mode, on the CPU.

    Raises InvalidInput where the folder holds no checkpoint, one of another schema, or a bundle
    that merges tokens, and ContractError where it is a broken bundle.
    """
    if (run / CONTRACT_FILE).is_file():
        return _from_bundle(run)
    record_file = run / RECORD_FILE
    if not record_file.is_file():
        raise InvalidInput(f"{run} holds no checkpoint.json; give the run folder of a training")
    record = json.loads(record_file.read_text())
    if record.get("schema_version") != SCHEMA_VERSION:
        raise InvalidInput(
            f"{record_file} has schema_version {record.get('schema_version')}; "
            f"this version reads {SCHEMA_VERSION}, so train again or use the version that wrote it"
        )
    model = VisionTransformer(VisionTransformerConfig.from_dict(record["model"]))
    model.load_state_dict(load_file(run / MODEL_FILE))
    return Checkpoint(
        model.eval(), tuple(record["labels"]), record["preprocessing"], record["provenance"]
    )


def _from_bundle(folder: Path) -> Checkpoint:
    contract = read_bundle(folder).contract
    if contract.merging:
        raise InvalidInput(
            f"{folder} merges tokens; give the bundle that it was made of, "
            f"{contract.merging.model} {contract.merging.version}"
        )
    weights = folder / WEIGHTS_FILE
    try:
        shape = json.loads(weights_metadata(weights)[SHAPE_KEY])
    except (OSError, SafetensorError, KeyError):
        raise InvalidInput(
            f"{weights} does not tell the shape of its model; give the run folder of the training"
        ) from None
    model = VisionTransformer(VisionTransformerConfig.from_dict(shape))
    model.load_state_dict(load_file(weights))
    return Checkpoint(
        model.eval(),
        contract.labels,
        contract.preprocessing.model_dump(),
        contract.provenance.model_dump(),
    )


def weights_metadata(weights: Path) -> dict[str, str]:
    """Give what a safetensors file tells of itself. Raises OSError or SafetensorError."""
    with safe_open(weights, framework="pt") as file:
        return dict(file.metadata() or {})


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file's content as a whole, synced to disk before it takes the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
