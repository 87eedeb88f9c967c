"""Trainings that were thought through: functions that give a TrainingConfig."""

from __future__ import annotations

from pathlib import Path

from model.training_config import PatchDropPhase, TrainingConfig


def cifar10_cpu(data: str, run: Path | str = "runs/cifar10-cpu") -> TrainingConfig:
    """CIFAR-10 on two CPU cores in 85 minutes: the model that the package embeds."""
    return TrainingConfig(
        recipe="cifar10_cpu",
        run=Path(run),
        data=(data,),
        image_size=32,
        patch_size=4,
        width=192,
        depth=6,
        heads=3,
        budget_minutes=85,
        batch_size=256,
        optimizer="muon",
        muon_learning_rate=0.02,
        learning_rate=1e-3,
        weight_decay=0.05,
        decay="cosine",
        patch_drop=(
            PatchDropPhase(start=0.0, patch_drop=0.75),
            PatchDropPhase(start=0.35, patch_drop=0.6),
            PatchDropPhase(start=0.65, patch_drop=0.4),
            PatchDropPhase(start=0.85, patch_drop=0.0),
        ),
        label_smoothing=0.02,
        shift=4,
        device="cpu",
        precision="bf16",
        threads=2,
    )
