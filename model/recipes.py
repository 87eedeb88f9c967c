"""Trainings that were thought through: functions that give a TrainingConfig.

Each takes one or several data sources and a run folder. `model_copy(update=...)` changes fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from model.training_config import PatchDropPhase, TrainingConfig

Data = str | Sequence[str]


def sources(data: Data) -> tuple[str, ...]:
    """Give one source or several as a configuration holds them."""
    return (data,) if isinstance(data, str) else tuple(data)


def cifar10_cpu(data: Data, run: Path | str = "runs/cifar10-cpu") -> TrainingConfig:
    """CIFAR-10 on two CPU cores, as far as 98 minutes go: what the embedded model began with.

    Command: `OMP_WAIT_POLICY=passive vitrine-model train --recipe cifar10_cpu --data cifar10`.
    Time: 98 minutes on two cores of an AMD EPYC with bfloat16 instructions; 2.7 M parameters.
    Accuracy: 84.0 % on the test set (docs/training.md tells how that run differed, and how another
    105 minutes made it 87.6 %). More time or more cores give more: the schedule stretches over
    the budget.
    """
    return TrainingConfig(
        recipe="cifar10_cpu",
        run=Path(run),
        data=sources(data),
        image_size=32,
        patch_size=4,
        width=192,
        depth=6,
        heads=3,
        budget_minutes=98,
        batch_size=256,
        optimizer="muon",
        muon_learning_rate=0.02,
        learning_rate=1e-3,
        weight_decay=0.05,
        decay="cosine",
        drop_path=0.0,
        patch_drop=(
            PatchDropPhase(start=0.0, patch_drop=0.75),
            PatchDropPhase(start=0.35, patch_drop=0.6),
            PatchDropPhase(start=0.75, patch_drop=0.4),
            PatchDropPhase(start=0.92, patch_drop=0.0),
        ),
        label_smoothing=0.02,
        shift=4,
        policy="none",
        mixup=0.0,
        cutmix=0.0,
        device="cpu",
        precision="bf16",
        threads=2,
    )


def cifar10_cpu_distilled(
    data: Data,
    run: Path | str = "runs/cifar10-cpu-distilled",
    teacher: Path | str = "runs/teacher",
) -> TrainingConfig:
    """CIFAR-10 on two CPU cores with a convolutional teacher, made by `train-teacher` before.

    Command: `OMP_WAIT_POLICY=passive vitrine-model train --recipe cifar10_cpu_distilled --data
    cifar10`; `vitrine-model train --recipe cifar10_cpu_distilled --data cifar10 --teacher FOLDER`
    where the teacher is not in `runs/teacher`.
    Time: 95 minutes on two cores of an AMD EPYC with bfloat16 instructions; 2.7 M parameters.
    Accuracy: not measured over its whole time. In 22 minutes it was no better than `cifar10_cpu`
    (docs/training.md): the teacher costs a quarter of the images.
    """
    return TrainingConfig.model_validate(
        cifar10_cpu(data, run).model_dump()
        | {
            "recipe": "cifar10_cpu_distilled",
            "budget_minutes": 95,
            "teacher": str(teacher),
            "distillation": "soft",
            "distillation_temperature": 1.0,
            "distillation_weight": 0.7,
            "label_smoothing": 0.0,  # the teacher's probabilities are smoother than a label
            "patch_drop": (
                {"start": 0.0, "patch_drop": 0.75},
                {"start": 0.3, "patch_drop": 0.6},
                {"start": 0.7, "patch_drop": 0.4},
                {"start": 0.9, "patch_drop": 0.0},
            ),
        }
    )


def cifar10_gpu(data: Data, run: Path | str = "runs/cifar10-gpu") -> TrainingConfig:
    """CIFAR-10 on one large GPU: patches of 2 pixels, strong augmentation, 5.4 M parameters.

    Command: `vitrine-model train --recipe cifar10_gpu --data cifar10`.
    Time: 24 minutes on any GPU; the schedule follows the clock.
    Accuracy: not measured yet. It aims at 95 % on the test set with one H100 or H200.
    """
    return TrainingConfig(
        recipe="cifar10_gpu",
        run=Path(run),
        data=sources(data),
        validation_share=0.02,
        image_size=32,
        patch_size=2,
        width=192,
        depth=12,
        heads=3,
        drop_path=0.1,
        budget_minutes=24,
        batch_size=1024,
        optimizer="muon",
        muon_learning_rate=0.02,
        learning_rate=2e-3,
        weight_decay=0.05,
        decay="linear",
        ema_decay=0.9995,
        patch_drop=(
            PatchDropPhase(start=0.0, patch_drop=0.5),
            PatchDropPhase(start=0.75, patch_drop=0.1),
        ),
        label_smoothing=0.05,
        shift=4,
        policy="trivial_augment",
        erasing=0.25,
        mixup=0.2,
        cutmix=1.0,
        device="auto",
        precision="bf16",
        compile=True,
    )


def small_folder(data: Data, run: Path | str = "runs/small-folder") -> TrainingConfig:
    """Your own folder of some thousand pictures, on a CPU or a GPU: the defaults.

    Command: `vitrine-model train --recipe small_folder --data my-pictures`.
    Time: 30 minutes; the schedule follows the clock.
    Accuracy: depends on the pictures; docs/training.md has some. From scratch a Vision Transformer
    needs many: below a thousand a class, start from a trained model instead (`finetune`).
    """
    return TrainingConfig(recipe="small_folder", run=Path(run), data=sources(data))


def finetune(data: Data, run: Path | str = "runs/finetune") -> TrainingConfig:
    """Tune a trained model to your own folder: all of it, or its head alone.

    Command: `vitrine-model train --recipe finetune --data my-pictures --init BUNDLE`, where the
    recipe need not be named; `--freeze backbone` for the head alone.
    Time: 30 to 100 epochs of your pictures; seconds for the head alone.
    Accuracy: measured on photographs of clothing, in docs/training.md.
    What it leaves open is chosen by the pictures that a class has: `model/fine_tuning.py`.
    """
    return TrainingConfig(recipe="finetune", run=Path(run), data=sources(data))


RECIPES = {
    "cifar10_cpu": cifar10_cpu,
    "cifar10_cpu_distilled": cifar10_cpu_distilled,
    "cifar10_gpu": cifar10_gpu,
    "small_folder": small_folder,
    "finetune": finetune,
}
