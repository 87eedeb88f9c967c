"""Everything that fixes the training of a convolutional teacher, as one frozen value."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from model.training_config import DeviceName

SMALLEST_IMAGE = 9  # the whitening leaves 8 pixels, and three pools one


class TeacherConfig(BaseModel):
    """The training of a convolutional teacher. The defaults are for CIFAR-10 on two CPU cores.

    Rates are for the loss's sum over a batch, so that they hold for batches of other sizes. Public
    starting point of the values: Jordan, "94% on CIFAR-10", 2024, and its variant with Muon.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Path = Field(Path("runs/teacher"), description="Run folder; an existing one is resumed.")
    data: tuple[str, ...] = Field(description="Data sources, as for train.")
    validation_share: float = Field(
        0.05, gt=0, lt=1, description="Share of train held out where data has no validation part."
    )
    seed: int = Field(0, ge=0, description="Seed of weights, data order and augmentation.")

    image_size: int = Field(
        32, ge=SMALLEST_IMAGE, description="Side of the square input in pixels."
    )
    widths: tuple[int, int, int] = Field((64, 256, 256), description="Channels of the stages.")
    epochs: int = Field(12, ge=1, description="Passes over the training images.")
    batch_size: int = Field(500, ge=1, description="Images of a step.")
    muon_learning_rate: float = Field(0.12, gt=0, description="Peak rate of the convolutions.")
    muon_momentum: float = Field(0.6, ge=0, lt=1, description="Momentum of the convolutions.")
    bias_learning_rate: float = Field(0.05, gt=0, description="Peak rate of the biases.")
    head_learning_rate: float = Field(1e-5, gt=0, description="Peak rate of the head.")
    momentum: float = Field(0.85, ge=0, lt=1, description="Momentum of biases and head.")
    weight_decay: float = Field(
        2e-6, ge=0, description="Share of biases and head taken off for each image seen."
    )
    whitening_bias: float = Field(
        0.3, ge=0, le=1, description="Share of the training in which the whitening's bias learns."
    )
    label_smoothing: float = Field(0.2, ge=0, lt=1, description="Share moved to all classes.")
    shift: int = Field(2, ge=0, description="Largest random shift in pixels.")
    ema_decay: float = Field(0.98, ge=0, lt=1, description="Decay of the weights' average.")

    device: DeviceName = Field("auto", description="auto takes a GPU where there is one.")
    bf16: bool = Field(True, description="Compute in bfloat16 where precision allows.")
    threads: int = Field(0, ge=0, description="CPU threads; 0 is torch's choice.")
    workers: int = Field(0, ge=0, description="Loading processes when images stream from disk.")
    memory_gib: float = Field(
        4.0, gt=0, description="Decoded images above this size stream from disk."
    )
    checkpoint_steps: int = Field(50, ge=1, description="Steps between two checkpoints.")
    recipe: str = Field("convolutional_teacher", description="What kind of training this is.")
