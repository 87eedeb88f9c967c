"""Everything that fixes a training run, as one frozen value that is written beside its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from model.config import VisionTransformerConfig
from service.architecture import Pooling

InitializationName = Literal["truncated_normal", "mimetic"]
OptimizerName = Literal["muon", "adamw"]
DecayName = Literal["cosine", "linear"]
Policy = Literal["none", "rand_augment", "trivial_augment"]
Precision = Literal["no", "bf16", "fp16"]
DeviceName = Literal["auto", "cpu"]
DistillationName = Literal["none", "soft", "hard"]
Levels = tuple[float, float, float]
Freeze = Literal["none", "backbone"]
ClassBalance = Literal["none", "weights", "sampling"]
SHAPE_FIELDS = (  # a model to start from fixes these
    "patch_size", "width", "depth", "heads", "mlp_ratio", "registers", "layer_scale", "pooling",
)  # fmt: skip


class PatchDropPhase(BaseModel):
    """From `start`, a share of the training, `patch_drop` of the patches are left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: float = Field(ge=0, lt=1, description="Share of the training at which it begins.")
    patch_drop: float = Field(ge=0, lt=1, description="Share of the patches left out.")


class TrainingConfig(BaseModel):
    """A training run. The defaults are for your own folder of some thousand pictures.

    With `budget_minutes` the schedule follows the clock instead of the epochs (Li et al., "Budgeted
    Training", ICLR 2020): the run ends in time on a machine of any speed, at the price that its
    number of steps, and so its exact weights, depend on that speed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str = Field("small_folder", description="Recipe that the values started from.")
    run: Path = Field(Path("runs/default"), description="Run folder; an existing one is resumed.")
    data: tuple[str, ...] = Field(
        description="Data sources, merged: folders, zip archives, CIFAR-10 files, or hf:NAME."
    )
    validation_share: float = Field(
        0.05, gt=0, lt=1, description="Share of train held out where data has no validation part."
    )
    seed: int = Field(0, ge=0, description="Seed of weights, data order and augmentation.")

    init: str | None = Field(
        None, description="Bundle or run folder to start from; its shape and pixel levels are kept."
    )
    freeze: Freeze = Field("none", description="backbone trains the head alone: a linear probe.")
    layer_decay: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Factor of the learning rate from each block to the one before.",
    )
    class_balance: ClassBalance = Field(
        "none", description="Unequal classes: weights in the loss, or sampling them alike."
    )
    patience: int | None = Field(
        None, ge=1, description="Stop after so many epochs without a better one; none goes on."
    )

    image_size: int = Field(64, ge=1, description="Side of the square input in pixels.")
    patch_size: int = Field(8, ge=1, description="Side of a patch in pixels.")
    width: int = Field(192, ge=1, description="Features of a token.")
    depth: int = Field(6, ge=1, description="Number of blocks.")
    heads: int = Field(3, ge=1, description="Attention heads of a block.")
    mlp_ratio: float = Field(4.0, gt=0, description="Hidden features of a block per feature.")
    registers: int = Field(0, ge=0, description="Register tokens.")
    layer_scale: float | None = Field(None, description="Initial LayerScale; none leaves it out.")
    pooling: Pooling = Field("class_token", description="What the head reads.")
    drop_path: float = Field(0.1, ge=0, lt=1, description="Stochastic depth of the last block.")
    initialization: InitializationName = Field("mimetic", description="Starting weights.")

    epochs: int = Field(100, ge=1, description="Passes over the training images.")
    budget_minutes: float | None = Field(
        30, gt=0, description="Training time, in place of epochs; none goes by epochs."
    )
    batch_size: int = Field(128, ge=1, description="Images of a step, over all processes.")
    optimizer: OptimizerName = Field("muon", description="Muon with AdamW, or AdamW alone.")
    learning_rate: float = Field(1e-3, gt=0, description="Peak learning rate of AdamW.")
    muon_learning_rate: float = Field(0.02, gt=0, description="Peak learning rate of Muon.")
    weight_decay: float = Field(0.05, ge=0, description="Decoupled weight decay of matrices.")
    warmup: float = Field(0.05, ge=0, lt=1, description="Share of the training to warm up.")
    decay: DecayName = Field("linear", description="How the learning rate falls to 0.")
    gradient_clip: float = Field(1.0, gt=0, description="Largest global norm of the gradient.")
    ema_decay: float = Field(0.998, ge=0, lt=1, description="Decay of the weights' average.")

    patch_drop: tuple[PatchDropPhase, ...] = Field(
        (PatchDropPhase(start=0.0, patch_drop=0.5), PatchDropPhase(start=0.8, patch_drop=0.0)),
        description="Phases of patch dropping in order; none drops no patch.",
    )
    label_smoothing: float = Field(0.1, ge=0, lt=1, description="Share moved to all classes.")
    flip: bool = Field(True, description="Mirror images left to right at random.")
    shift: int = Field(8, ge=0, description="Largest random shift in pixels.")
    policy: Policy = Field("trivial_augment", description="Random colour and shape changes.")
    erasing: float = Field(0.0, ge=0, le=1, description="Probability of random erasing.")
    mixup: float = Field(0.2, ge=0, description="Alpha of mixup; 0 is off.")
    cutmix: float = Field(0.5, ge=0, description="Alpha of cutmix; 0 is off.")

    teacher: str | None = Field(
        None, description="Bundle, run folder or ONNX file of a classifier to learn from as well."
    )
    distillation: DistillationName = Field(
        "none", description="Follow the teacher's probabilities (soft) or its decision (hard)."
    )
    distillation_temperature: float = Field(
        2.0, gt=0, description="Both sides' logits are divided by this; soft alone."
    )
    distillation_weight: float = Field(
        0.5, gt=0, le=1, description="Share of the loss that comes from the teacher."
    )
    distillation_token: bool = Field(
        False, description="A token and a half of the head of their own follow the teacher."
    )
    teacher_labels: tuple[str, ...] = Field(
        (), description="Labels of an ONNX teacher in order; none reads the JSON beside it."
    )
    teacher_size: int | None = Field(
        None, ge=1, description="Side of an ONNX teacher's input; none reads the JSON beside it."
    )
    teacher_mean: Levels | None = Field(
        None, description="Means of its input's levels in [0, 1]; none reads the JSON beside it."
    )
    teacher_std: Levels | None = Field(
        None, description="Deviations of the same; none reads the JSON beside it."
    )

    device: DeviceName = Field("auto", description="auto takes a GPU where there is one.")
    precision: Precision = Field("no", description="Mixed precision.")
    compile: bool = Field(False, description="Compile the model with torch.compile.")
    threads: int = Field(0, ge=0, description="CPU threads of a process; 0 is torch's choice.")
    workers: int = Field(0, ge=0, description="Loading processes when images stream from disk.")
    memory_gib: float = Field(
        4.0, gt=0, description="Decoded images above this size stream from disk."
    )
    checkpoint_steps: int = Field(200, ge=1, description="Steps between two checkpoints.")

    @field_validator("layer_scale", "budget_minutes", "patience", mode="before")
    @classmethod
    def none_can_be_written(cls, value: object) -> object:
        """Take the word none, as a command line gives it, for no value."""
        return None if value == "none" else value

    @model_validator(mode="after")
    def fits_together(self) -> TrainingConfig:
        if self.init is None:  # else the shape is not known yet
            self.model_shape(classes=2)
        if self.freeze == "backbone" and self.init is None:
            raise ValueError(
                "freeze backbone trains the head alone: set init to start from a model"
            )
        starts = [phase.start for phase in self.patch_drop]
        if starts != sorted(set(starts)):
            raise ValueError(f"patch_drop starts at {starts}; order the phases by rising start")
        known = self.init is None or "image_size" in self.model_fields_set
        if known and self.shift >= self.image_size:
            raise ValueError(
                f"shift {self.shift} is not below image_size {self.image_size}; shift less"
            )
        return self

    @model_validator(mode="after")
    def teaches(self) -> TrainingConfig:
        if self.distillation != "none" and self.teacher is None:
            raise ValueError(
                f"distillation {self.distillation} needs a teacher; set teacher, or distillation "
                "none"
            )
        if self.teacher is not None and self.distillation == "none":
            raise ValueError(
                f"teacher {self.teacher} is set and distillation is none; set distillation soft or "
                "hard, or leave the teacher out"
            )
        if self.distillation_token and self.teacher is None:
            raise ValueError("distillation_token needs a teacher to follow; set teacher")
        if self.distillation_token and self.init is not None:
            raise ValueError(
                "init gives the shape of the model, and distillation_token changes it; leave "
                "distillation_token out"
            )
        if self.distillation_token and self.pooling != "class_token":
            raise ValueError(
                f"distillation_token reads the class token beside its own, and pooling is "
                f"{self.pooling}; leave pooling out"
            )
        return self

    def model_shape(self, classes: int) -> VisionTransformerConfig:
        """Give the shape of the model for a number of classes."""
        return VisionTransformerConfig(
            image_size=(self.image_size, self.image_size),
            patch_size=self.patch_size,
            width=self.width,
            depth=self.depth,
            heads=self.heads,
            mlp_ratio=self.mlp_ratio,
            classes=classes,
            registers=self.registers + self.distillation_token,
            layer_scale=self.layer_scale,
            pooling="class_and_distillation_token" if self.distillation_token else self.pooling,
            drop_path=self.drop_path,
        )

    @property
    def augments(self) -> bool:
        """Whether images change from one time they are seen to the next."""
        changes = (self.flip, self.shift, self.erasing, self.mixup, self.cutmix)
        return any(changes) or self.policy != "none"

    @property
    def probes(self) -> bool:
        """Whether the head alone learns, from readouts that never change and are computed once."""
        return self.freeze == "backbone" and not self.augments and self.teacher is None

    def patch_drop_at(self, progress: float) -> float:
        """Give the share of patches left out at `progress` in [0, 1] of the training."""
        begun = [phase.patch_drop for phase in self.patch_drop if phase.start <= progress]
        return begun[-1] if begun else 0.0
