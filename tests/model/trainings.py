"""Trainings of seconds, in processes of their own too, and what they end with."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from model.position import Position, load_state
from model.training_config import TrainingConfig
from tests.untraced import untraced

TRAIN = (
    "import sys; from model.train import train; from model.training_config import TrainingConfig;"
    "train(TrainingConfig.model_validate_json(sys.argv[1]))"
)


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


def command(config, *launcher: str) -> list[str]:
    return [*(launcher or (sys.executable, "-c", TRAIN)), config.model_dump_json()]


def environment() -> dict[str, str]:
    return {**untraced(), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model.safetensors")


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def torchrun(processes: int) -> tuple[str, ...]:
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes))
    return (sys.executable, *launcher)


def assert_same_end(one: Path, other: Path) -> tuple[Position, Position]:
    """Compare two runs' weights and states to the bit; give the positions at which they stand."""
    assert_same(weights(one), weights(other))
    (state, position), (other_state, other_position) = load_state(one), load_state(other)
    assert_same(state, other_state)
    return position, other_position
