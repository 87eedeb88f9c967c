"""The commands of `vitrine-model` that train, and measure how fast training goes."""

from __future__ import annotations

import json
from typing import Self

from pydantic import AliasChoices, Field, model_validator

from model.commands import PROGRAM
from model.progress_bar import progress_bar
from model.training_config import SHAPE_FIELDS, TrainingConfig
from service.errors import InvalidInput

INITIAL_FIELDS = {*SHAPE_FIELDS, "image_size"}  # a recipe's give way to those of a model given


class Train(TrainingConfig):
    """Train a Vision Transformer on folders of pictures. Started again, a run resumes.

    Data is laid out as train/<class>/<picture>, with validation/ and test/ beside train/ where
    there are such; zip archives of the same and CIFAR-10's own files are read too.
    """

    def cli_cmd(self) -> None:
        """Train and say what to do next."""
        from model.train import train  # torch is slow to import and needed here alone

        finished = train(self.chosen())
        print(f"trained: {finished}\nnext:    {PROGRAM} export {finished} --name NAME")

    @model_validator(mode="after")
    def fits_together(self) -> Self:
        """Leave that to `chosen`, which knows the recipe's values beside the flags."""
        return self

    @model_validator(mode="after")
    def teaches(self) -> Self:
        """Leave that to `chosen` as well."""
        return self

    def chosen(self) -> TrainingConfig:
        """Give the recipe's configuration, changed where flags say so."""
        from model.recipes import RECIPES

        named = self.model_fields_set & TrainingConfig.model_fields.keys()
        given = {name: getattr(self, name) for name in named}
        name = self.recipe if self.init is None else given.get("recipe", "finetune")
        if name not in RECIPES:
            raise InvalidInput(
                f"recipe {name!r} does not exist; choose one of {', '.join(RECIPES)}"
            )
        recipe = RECIPES[name](self.data, self.run).model_dump(exclude_unset=True)
        if self.init is not None:
            if "initialization" in given:
                raise InvalidInput("init gives all weights; leave out initialization")
            recipe = {key: value for key, value in recipe.items() if key not in INITIAL_FIELDS}
        return TrainingConfig.model_validate({**recipe, **given})


class Throughput(Train):
    """Measure how fast images are loaded against how fast the model learns from them.

    It takes the options of train. What is measured with takes turns, so that its ratios hold on a
    machine that others use as well.
    """

    images: int = Field(default=2000, ge=1, description="Images to measure with")
    seconds: float = Field(default=2.0, gt=0, description="Time for each measurement of a round")
    rounds: int = Field(default=3, ge=1, description="Rounds of measurements; medians are given")
    loading: list[int] = Field(default=[0, 1, 2], description="Numbers of loading processes")
    as_json: bool = Field(
        default=False, validation_alias=AliasChoices("json"), description="Print JSON"
    )

    def cli_cmd(self) -> None:
        """Print what was measured."""
        from model.throughput import measure_throughput

        with progress_bar("measuring") as progress:
            measured = measure_throughput(
                self.chosen(),
                images=self.images,
                seconds=self.seconds,
                rounds=self.rounds,
                workers=self.loading,
                progress=progress,
            )
        print(json.dumps(measured.to_dict()) if self.as_json else measured.report())
