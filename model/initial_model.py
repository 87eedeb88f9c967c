"""The model that a fine-tuning starts from, made to fit other classes and another image size."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from model.checkpoint import MODEL_FILE, load_checkpoint
from model.config import VisionTransformerConfig
from model.position_resize import resized_positions
from model.training_config import SHAPE_FIELDS, TrainingConfig
from model.vit import VisionTransformer
from service.bundle import file_digest, read_contract
from service.contract import CONTRACT_FILE, Preprocessing
from service.errors import InvalidInput
from service.record import Origin

HEAD = ("head.weight", "head.bias")


@dataclass(frozen=True)
class InitialWeights:
    """Where a training starts: a shape, every parameter of it by name, and what they come from."""

    shape: VisionTransformerConfig
    weights: dict[str, Tensor]
    origin: Origin


@dataclass(frozen=True)
class InitialModel:
    """A model to start from; `name`, `version` and `digest` say which.

    A model without a head has neither labels nor weights of one.
    """

    shape: VisionTransformerConfig
    parameters: dict[str, Tensor]
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    name: str
    version: str
    digest: str

    def fitted(self, config: TrainingConfig) -> TrainingConfig:
        """Give the configuration with this model's shape, and its image size unless one is set.

        Raises InvalidInput naming every field that was set and contradicts the shape.
        """
        own = {name: getattr(self.shape, name) for name in SHAPE_FIELDS}
        wrong = [
            f"{name} {getattr(config, name)!r} contradicts its {own[name]!r}"
            for name in SHAPE_FIELDS
            if name in config.model_fields_set and getattr(config, name) != own[name]
        ]
        rows, columns = self.shape.image_size
        if "image_size" in config.model_fields_set:
            rows = columns = config.image_size
        if rows != columns:
            wrong.append(
                f"it sees {rows} x {columns} pixels and training goes by squares: set image_size"
            )
        if rows % self.shape.patch_size:
            wrong.append(
                f"image_size {rows} is not a multiple of its patch_size {self.shape.patch_size}"
            )
        if wrong:
            raise InvalidInput(
                f"init {config.init} gives the shape of the model, and {'; '.join(wrong)}; "
                "leave out what contradicts it, or choose another init"
            )
        return config.model_copy(update={**own, "image_size": rows})

    def fitting(self, image_size: int) -> Preprocessing:
        """Give how its pictures become pixel values, for squares of `image_size` pixels.

        The margin that is cropped off stays the same share of the picture.
        """
        own = self.preprocessing
        size = [
            max(image_size, round(side * image_size / cropped))
            for side, cropped in zip(own.size, own.crop, strict=True)
        ]
        crop = (image_size, image_size)
        return Preprocessing.model_validate({**own.model_dump(), "size": size, "crop": crop})

    def weights(self, config: TrainingConfig, labels: tuple[str, ...]) -> InitialWeights:
        """Give the weights that a fitted configuration starts from, for these classes.

        The head is kept where the classes are the same, its rows put into their order; otherwise
        it is new and all zeros, so that every class starts equally likely.
        """
        shape = dataclasses.replace(
            self.shape,
            image_size=(config.image_size, config.image_size),
            classes=len(labels),
            drop_path=config.drop_path,
            patch_drop=0.0,
        )
        kept = sorted(labels) == sorted(self.labels)
        positions = resized_positions(self.parameters["pos_embed"], self.shape.grid, shape.grid)
        head = self.ordered_head(labels) if kept else new_head(shape)
        origin = Origin(
            name=self.name,
            version=self.version,
            digest=self.digest,
            head="kept" if kept else "new",
            trained="head" if config.freeze == "backbone" else "all",
        )
        return InitialWeights(shape, {**self.parameters, "pos_embed": positions, **head}, origin)

    def ordered_head(self, labels: tuple[str, ...]) -> dict[str, Tensor]:
        """Give the head's parameters with one row for each label, in this order."""
        rows = [self.labels.index(label) for label in labels]
        return {name: self.parameters[name][rows] for name in HEAD}


def new_head(shape: VisionTransformerConfig) -> dict[str, Tensor]:
    """Give the parameters of a head that finds every class equally likely."""
    with torch.device("meta"):
        head = VisionTransformer(shape).head
    return {name: torch.zeros(head.get_parameter(name.split(".")[1]).shape) for name in HEAD}


def read_initial_model(source: str) -> InitialModel:
    """Read a bundle's or a run's folder as what to start from.

    Raises InvalidInput where it is neither, and ContractError where it is a broken bundle.
    """
    folder = Path(source)
    if not folder.is_dir():
        raise InvalidInput(
            f"init {source!r} is not there; give the folder of a bundle (contract.json) or of a "
            "training (checkpoint.json)"
        )
    checkpoint = load_checkpoint(folder)
    name, version, digest = identity(folder)
    return InitialModel(
        shape=checkpoint.model.config,
        parameters=checkpoint.model.state_dict(),
        labels=checkpoint.labels,
        preprocessing=Preprocessing.model_validate(checkpoint.preprocessing),
        name=name,
        version=version,
        digest=digest,
    )


def identity(folder: Path) -> tuple[str, str, str]:
    """Give name, version and digest of a bundle; a run has its folder's name and no version."""
    contract = folder / CONTRACT_FILE
    if contract.is_file():
        stated = read_contract(contract)
        return stated.name, stated.version, file_digest(contract)
    return folder.resolve().name, "", file_digest(folder / MODEL_FILE)


def described(initial: InitialWeights) -> str:
    """Say what a training starts from, and what becomes of the head."""
    origin = initial.origin
    whole = "all of it is trained" if origin.trained == "all" else "the rest stays as it is"
    head = (
        "its head is kept, for its labels are the same"
        if origin.head == "kept"
        else (f"a new head for {initial.shape.classes} labels")
    )
    return f"starts from {' '.join(filter(None, (origin.name, origin.version)))}: {head}; {whole}"
