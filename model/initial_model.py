"""The model that a fine-tuning starts from, made to fit other classes and another image size."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.checkpoint import MODEL_FILE, RECORD_FILE, Checkpoint, load_checkpoint
from model.config import VisionTransformerConfig
from model.position_resize import resized_positions
from model.pretrained.conversion import read_checkpoint
from model.pretrained.overrides import Overrides
from model.recipes import RECIPES
from model.training_config import SHAPE_FIELDS, OptimizerName, TrainingConfig
from model.vit import VisionTransformer
from service.bundle import file_digest, read_contract
from service.contract import CONTRACT_FILE, Preprocessing
from service.errors import InvalidInput
from service.record import Origin, TunedFrom

DISTILLING = "class_and_distillation_token"
HEAD = ("head.weight", "head.bias")


@dataclass(frozen=True)
class InitialWeights:
    """Where a training starts: a shape, every parameter of it by name, and what they come from."""

    shape: VisionTransformerConfig
    weights: dict[str, Tensor]
    tuned_from: TunedFrom


@dataclass(frozen=True)
class InitialModel:
    """A model to start from; `name`, `version` and `digest` say which, `origin` its public source.

    A model without a head of classes has no labels. `optimizer` trained it, as far as is on record.
    """

    shape: VisionTransformerConfig
    parameters: dict[str, Tensor]
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    name: str
    version: str
    digest: str
    origin: Origin | None = None
    optimizer: OptimizerName | None = None

    def fitted(self, config: TrainingConfig) -> TrainingConfig:
        """Give the configuration with this model's shape, and its image size unless one is set.

        Raises InvalidInput naming every field that was set and contradicts the shape.
        """
        own = {name: getattr(self.shape, name) for name in SHAPE_FIELDS}
        if config.distillation_token and self.shape.pooling == DISTILLING:
            own |= {"pooling": "class_token", "registers": self.shape.registers - 1}
        wrong = [
            f"{name} {getattr(config, name)!r} contradicts its {own[name]!r}"
            for name in SHAPE_FIELDS
            if name in config.model_fields_set and getattr(config, name) != own[name]
        ]
        if config.distillation_token and self.shape.pooling != DISTILLING:
            wrong.append(f"distillation_token needs one in it, and it reads {self.shape.pooling}")
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
        tuned_from = TunedFrom(
            name=self.name,
            version=self.version,
            digest=self.digest,
            head="kept" if kept else "new",
            trained="head" if config.freeze == "backbone" else "all",
            origin=self.origin,
        )
        weights = {**self.parameters, "pos_embed": positions, **head}
        return InitialWeights(shape, weights, tuned_from)

    def ordered_head(self, labels: tuple[str, ...]) -> dict[str, Tensor]:
        """Give the head's parameters with one row for each label, in this order."""
        rows = [self.labels.index(label) for label in labels]
        return {name: self.parameters[name][rows] for name in HEAD}


def new_head(shape: VisionTransformerConfig) -> dict[str, Tensor]:
    """Give the parameters of a head that finds every class equally likely."""
    with torch.device("meta"):
        head = VisionTransformer(shape).head
    return {name: torch.zeros(head.get_parameter(name.split(".")[1]).shape) for name in HEAD}


def trained_by(provenance: dict[str, Any]) -> OptimizerName | None:
    """Give the optimizer of a record: its configuration's, or else its recipe's."""
    if config := provenance.get("config"):
        return TrainingConfig.model_validate(config).optimizer
    recipe = RECIPES.get(provenance.get("recipe", ""))
    return recipe("any").optimizer if recipe else None


def initial_model(checkpoint: Checkpoint, name: str, version: str, digest: str) -> InitialModel:
    """Give a checkpoint as what to start from."""
    origin = checkpoint.provenance.get("origin")
    return InitialModel(
        shape=checkpoint.model.config,
        parameters=checkpoint.model.state_dict(),
        labels=checkpoint.labels,
        preprocessing=Preprocessing.model_validate(checkpoint.preprocessing),
        name=name,
        version=version,
        digest=digest,
        origin=Origin.model_validate(origin) if origin else None,
        optimizer=trained_by(checkpoint.provenance),
    )


def read_initial_model(source: str, image_size: int | None = None) -> InitialModel:
    """Read what to start from: a bundle, a run, or a public model as `pretrained` takes it.

    A public model's positions are resampled for `image_size` as its own library does it. Raises
    InvalidInput where it is none of these, and ContractError where it is a broken bundle.
    """
    folder = Path(source)
    if (folder / CONTRACT_FILE).is_file():
        contract, checkpoint = read_contract(folder / CONTRACT_FILE), load_checkpoint(folder)
        digest = file_digest(folder / CONTRACT_FILE)
        return initial_model(checkpoint, contract.name, contract.version, digest)
    if (folder / RECORD_FILE).is_file():
        digest = file_digest(folder / MODEL_FILE)
        return initial_model(load_checkpoint(folder), folder.resolve().name, "", digest)
    try:
        checkpoint = read_checkpoint(source, Overrides(image_size=image_size))
    except InvalidInput as error:
        raise InvalidInput(f"init {source} is no bundle and no run, and {error.detail}") from None
    public = checkpoint.provenance["origin"]
    return initial_model(checkpoint, public["source"], "", public["digest"])


def initial_model_of(config: TrainingConfig) -> InitialModel | None:
    """Read what a configuration starts from, None for one that starts from scratch.

    Raises what `read_initial_model` raises.
    """
    if config.init is None:
        return None
    sized = "image_size" in config.model_fields_set
    return read_initial_model(config.init, config.image_size if sized else None)


def described(initial: InitialWeights) -> str:
    """Say what a training starts from, and what becomes of the head."""
    origin = initial.tuned_from
    whole = "all of it is trained" if origin.trained == "all" else "the rest stays as it is"
    head = (
        "its head is kept, for its labels are the same"
        if origin.head == "kept"
        else (f"a new head for {initial.shape.classes} labels")
    )
    return f"starts from {' '.join(filter(None, (origin.name, origin.version)))}: {head}; {whole}"
