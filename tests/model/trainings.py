"""A training of seconds."""

from __future__ import annotations

from pathlib import Path

from model.training_config import TrainingConfig


def tiny_training(data: tuple[str, ...], run: Path, **changes: object) -> TrainingConfig:
    """Give a training of seconds on such pictures, with some fields changed."""
    values: dict[str, object] = {
        "run": run,
        "data": data,
        "image_size": 16,
        "patch_size": 4,
        "width": 24,
        "depth": 2,
        "heads": 2,
        "drop_path": 0.0,
        "epochs": 2,
        "budget_minutes": None,
        "batch_size": 24,
        "decay": "cosine",
        "patch_drop": (),
        "label_smoothing": 0.05,
        "shift": 2,
        "policy": "none",
        "mixup": 0.0,
        "cutmix": 0.0,
        "device": "cpu",
    }
    return TrainingConfig.model_validate({**values, **changes})
