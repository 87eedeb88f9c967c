"""What the recipe `finetune` does where nobody said, by how many pictures a class has.

`SIZES` is the table, `PROBE` what a frozen backbone takes instead; all else stays as TrainingConfig
has it. Where the figures come from:

- 256,000 images, at least 500 steps: BiT-HyperRule fine-tunes sets of less than 20,000 pictures for
  500 steps of 512 (Kolesnikov et al., "Big Transfer", ECCV 2020). At most 100 epochs, as MAE takes
  (He et al., "Masked Autoencoders Are Scalable Vision Learners", CVPR 2022), at least 30, as BEiT
  takes for its largest (Bao et al., ICLR 2022);
- the optimizer that trained the model, AdamW where that is not on record, as of public models: what
  one trained does not gain from the other (Liu et al., "Muon is Scalable for LLM Training", 2025).
  Muon takes half of its rate from scratch: measured once, in docs/training.md;
- learning rate 0.001 x batch / 256, cosine, weight decay 0.05, drop path up to 0.1: MAE;
- layer decay: 0.65 BEiT, 0.75 MAE, 0.8 ELECTRA (Clark et al., ICLR 2020). The fewer the pictures,
  the more the early layers stay as they are;
- TrivialAugment (Müller and Hutter, ICCV 2021) where a class has more than 20 pictures;
- no mixup for few pictures, 0.1 for more: BiT-HyperRule; with cutmix, 0.8 and 1.0, for many: MAE;
- patches dropped, for speed: PatchDropout (Liu et al., WACV 2023) fine-tunes with half of them;
- the average of the weights goes back a twentieth of the steps, and patience is a fifth of the
  epochs, at least 5: choices of this project, not measured against others;
- a linear probe takes neither augmentation nor weight decay, over 90 epochs: MAE.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from model.data import TrainingData
from model.initial_model import InitialModel
from model.training_config import OptimizerName, PatchDropPhase, Policy, TrainingConfig
from service.errors import InvalidInput

RECIPE = "finetune"
IMAGES_SEEN = 256_000
FEWEST_STEPS = 500
FEWEST_EPOCHS, MOST_EPOCHS = 30, 100
LEARNING_RATE_OF_256 = 1e-3
MUON_LEARNING_RATE = 0.01


@dataclass(frozen=True)
class Size:
    """What suits sets of up to `pictures` a class."""

    pictures: float
    batch_size: int
    layer_decay: float
    drop_path: float
    policy: Policy
    mixup: float
    cutmix: float
    patch_drop: float


SIZES = (
    Size(20, 32, 0.65, 0.0, "none", 0.0, 0.0, 0.0),
    Size(200, 64, 0.7, 0.05, "trivial_augment", 0.0, 0.0, 0.0),
    Size(2_000, 128, 0.75, 0.1, "trivial_augment", 0.1, 0.0, 0.25),
    Size(math.inf, 256, 0.8, 0.1, "trivial_augment", 0.8, 1.0, 0.5),
)

PROBE: dict[str, Any] = {
    "epochs": 90,
    "batch_size": 128,
    "learning_rate": 0.003,
    "weight_decay": 0.0,
    "layer_decay": 1.0,
    "drop_path": 0.0,
    "patch_drop": (),
    "label_smoothing": 0.0,
    "flip": False,
    "shift": 0,
    "policy": "none",
    "erasing": 0.0,
    "mixup": 0.0,
    "cutmix": 0.0,
}


def resolved(
    config: TrainingConfig, initial: InitialModel | None, data: TrainingData
) -> TrainingConfig:
    """Give the configuration with all that depends on the initial model and the data filled in.

    Raises InvalidInput where the recipe needs a model to start from and there is none, or where
    fields contradict the model's shape.
    """
    if initial is None:
        if config.recipe == RECIPE:
            raise InvalidInput(f"recipe {RECIPE} starts from a model; set init, or choose another")
        return config
    config = initial.fitted(config)
    if config.recipe == RECIPE:
        counts = Counter(picture.label for picture in data.train)
        config = sized(config, counts, initial.optimizer or "adamw")
    return TrainingConfig.model_validate(config.model_dump())


def sized(
    config: TrainingConfig, counts: Counter[str], optimizer: OptimizerName = "adamw"
) -> TrainingConfig:
    """Give the configuration with every field that is not set chosen for so many pictures."""
    pictures = counts.total()
    whole = config.freeze == "none"
    chosen = whole_defaults(pictures / len(counts), config.image_size) if whole else {**PROBE}
    chosen |= {"budget_minutes": None, "decay": "cosine"}
    chosen |= {"optimizer": optimizer, "muon_learning_rate": MUON_LEARNING_RATE}
    given = {name: getattr(config, name) for name in config.model_fields_set}
    batch = min({**chosen, **given}["batch_size"], pictures)
    steps = pictures // batch
    chosen.setdefault("learning_rate", LEARNING_RATE_OF_256 * batch / 256)
    chosen.setdefault("epochs", whole_epochs(pictures, steps))
    epochs = {**chosen, **given}["epochs"]
    chosen["patience"] = max(5, epochs // 5)
    chosen["ema_decay"] = max(0.0, round(1 - 20 / (epochs * steps), 5))
    return config.model_copy(update={**chosen, **given})


def whole_defaults(pictures_per_class: float, image_size: int) -> dict[str, Any]:
    """Give what suits training all weights of a model of `image_size` pixels."""
    size = next(size for size in SIZES if pictures_per_class <= size.pictures)
    phases = (
        PatchDropPhase(start=0.0, patch_drop=size.patch_drop),
        PatchDropPhase(start=0.8, patch_drop=0.0),
    )
    return {
        "batch_size": size.batch_size,
        "layer_decay": size.layer_decay,
        "drop_path": size.drop_path,
        "policy": size.policy,
        "mixup": size.mixup,
        "cutmix": size.cutmix,
        "patch_drop": phases if size.patch_drop else (),
        "shift": image_size // 8,
    }


def whole_epochs(pictures: int, steps: int) -> int:
    """Give the epochs over so many pictures in so many steps each."""
    by_images = min(max(math.ceil(IMAGES_SEEN / pictures), FEWEST_EPOCHS), MOST_EPOCHS)
    return max(by_images, math.ceil(FEWEST_STEPS / steps))
