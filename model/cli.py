"""The `vitrine-model` command: everything that makes, changes and measures models."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import AliasChoices, BaseModel, Field, model_validator
from pydantic_settings import BaseSettings, CliApp, CliPositionalArg, CliSubCommand

from model.pretrained.cli import Pretrained
from model.progress_bar import progress_bar
from model.teacher_commands import TeacherAccuracy, TrainTeacher
from model.training_config import SHAPE_FIELDS, TrainingConfig
from service.command_line import run
from service.errors import InvalidInput
from service.explanation.question import MOST_STEPS
from service.explanation.removal import Removal
from service.record import PrecisionName

PROGRAM = "vitrine-model"
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


class Export(BaseModel):
    """Turn a training's run folder into a bundle that `vitrine serve` can serve.

    A bundle is taken as well: its graphs are made anew, as this version makes them.
    """

    run: CliPositionalArg[Path] = Field(description="Run folder of a training, or a bundle")
    name: str = Field(description="Model name: lower-case letters, digits, . _ -")
    version: str = Field(default="1", description="Version of the model")
    output: Path = Field(
        default=Path("bundles"),
        validation_alias=AliasChoices("o", "output"),
        description="Folder of bundles",
    )

    def cli_cmd(self) -> None:
        """Write the bundle and say what to do next."""
        from model.checkpoint import load_checkpoint
        from model.export import export_bundle

        folder = export_bundle(load_checkpoint(self.run), self.output, self.name, self.version)
        print(
            f"exported: {folder}\n"
            f"next:     {PROGRAM} evaluate {folder} --data DATA --record\n"
            f"          {PROGRAM} evaluate {folder} --data DATA --record --explanations\n"
            f"          vitrine serve --bundles {self.output}"
        )


class Random(BaseModel):
    """Write a bundle of a usual size with random weights, to measure speed and memory with."""

    size: CliPositionalArg[Literal["Ti", "S", "B", "L"]] = Field(description="ViT-SIZE/16")
    seed: int = Field(default=0, description="Which random weights")
    output: Path = Field(
        default=Path("bundles"),
        validation_alias=AliasChoices("o", "output"),
        description="Folder of bundles",
    )

    def cli_cmd(self) -> None:
        """Write the bundle and say what to do next."""
        from model.export import export_bundle
        from model.random_bundle import random_checkpoint

        name = f"random-{self.size.lower()}16"
        folder = export_bundle(random_checkpoint(self.size, self.seed), self.output, name, "1")
        print(f"written: {folder}\nnext:    vitrine benchmark --bundles {folder}")


class Evaluate(BaseModel):
    """Measure a bundle on labelled pictures, as the service would answer them."""

    bundle: CliPositionalArg[Path] = Field(description="Bundle: the folder with contract.json")
    data: list[str] = Field(description="Data sources, as for train; may be given several times")
    part: Literal["test", "validation", "train"] = Field(
        default="test", description="Which part of the data to measure on"
    )
    precision: PrecisionName = Field(
        default="fp32", description="Which of the bundle's number formats to measure"
    )
    workers: int = Field(
        default=0,
        ge=0,
        description="Batches, or images to explain, side by side; 0: all cores",
    )
    record: bool = Field(default=False, description="Write the result into the contract and card")
    explanations: bool = Field(
        default=False, description="Measure how faithful each method that explains is, instead"
    )
    images: int = Field(default=1000, ge=1, description="With explanations: how many images")
    removal: Removal = Field(
        default="token", description="With explanations: how patches are removed"
    )
    steps: int = Field(
        default=10, ge=2, le=MOST_STEPS, description="With explanations: points on each curve"
    )
    seed: int = Field(default=0, description="With explanations: which images, and random orders")

    default_among: Literal["all", "quick"] = Field(
        default="all",
        description=(
            "With explanations: the most faithful of these becomes the default; quick leaves out "
            "methods whose passes grow with the patches or steps"
        ),
    )

    def cli_cmd(self) -> None:
        """Print what was measured."""
        if self.explanations:
            self._measure_explanations()
        else:
            self._measure_accuracy()

    def _measure_explanations(self) -> None:
        from model.evaluate import evaluate_explanations, record_explanations
        from model.faithfulness import Plan
        from model.faithfulness_table import report

        plan = Plan(self.part, self.images, self.removal, self.steps, self.seed, self.default_among)
        with progress_bar("explaining") as progress:
            measured = evaluate_explanations(
                self.bundle, self.data, plan, progress=progress, workers=self.workers
            )
        print(report(measured))
        if self.record:
            record_explanations(self.bundle, measured)
            print(f"recorded in {self.bundle / 'contract.json'} and its card")

    def _measure_accuracy(self) -> None:
        from model.evaluate import evaluate, record

        if self.record and self.precision != "fp32":
            raise InvalidInput(
                f"what is on record of {self.precision} comes from '{PROGRAM} quantize'; leave out "
                "--record, or add the graph again"
            )
        began = time.perf_counter()
        with progress_bar("evaluating") as progress:
            measured = evaluate(
                self.bundle,
                self.data,
                part=self.part,
                precision=self.precision,
                progress=progress,
                workers=self.workers,
            )
        seconds = time.perf_counter() - began
        print(measured.report())
        print(f"took {seconds:.1f} s: {measured.images / seconds:,.0f} pictures a second")
        if self.record:
            record(self.bundle, measured, self.part)
            print(f"recorded in {self.bundle / 'contract.json'} and its card")


class Quantize(BaseModel):
    """Add a classify graph in fewer bits to a bundle, if it answers as the one in fp32 does.

    It is refused, and the bundle left as it was, when it loses more than 0.3 points of top-1 or
    predicts another class than fp32 on more than 1 % of the pictures.
    """

    bundle: CliPositionalArg[Path] = Field(description="Bundle: the folder with contract.json")
    data: list[str] = Field(description="Data sources, as for train; may be given several times")
    precision: Literal["int8", "fp16"] = Field(
        default="int8", description="int8 for CPUs, fp16 for NVIDIA GPUs"
    )
    part: Literal["test", "validation", "train"] = Field(
        default="test", description="Which part of the data to judge it on"
    )
    images_at_least: int = Field(
        default=10_000, ge=1, description="Refuse to judge it on fewer pictures"
    )
    keep_float: list[str] = Field(
        default_factory=list,
        description="Weights whose names contain this stay fp32, as mlp.fc2 or blocks.0",
    )

    def cli_cmd(self) -> None:
        """Add the graph and print what was measured."""
        from model.quantize import quantize

        with progress_bar("comparing") as progress:
            compared = quantize(
                self.bundle,
                self.data,
                precision=self.precision,
                part=self.part,
                images_at_least=self.images_at_least,
                keep_float=self.keep_float,
                progress=progress,
            )
        print(compared.report())
        print(
            f"added to {self.bundle}\n"
            f"next:    vitrine serve --bundles {self.bundle} --precision "
            f"{'auto' if self.precision == 'int8' else 'fp16 --provider cuda'}"
        )


class MeasureFront(BaseModel):
    """Measure accuracy against images a second: several bundles, in turns, in one run.

    Every bundle is measured in each number format that it has for a CPU, alone and in batches.
    """

    bundles: CliPositionalArg[list[Path]] = Field(
        description="Bundles: folders with contract.json; others are compared with the first"
    )
    data: list[str] = Field(
        default_factory=list,
        description="Data sources, as for train; without any, speed alone is measured",
    )
    part: Literal["test", "validation", "train"] = Field(
        default="test", description="Which part of the data to measure accuracy on"
    )
    rounds: int = Field(default=15, ge=1, description="Samples of each line and batch size")
    seconds: float = Field(default=0.4, gt=0, description="Length of a sample")
    json_output: bool = Field(
        default=False,
        validation_alias=AliasChoices("json", "json_output"),
        description="Print JSON in place of a table",
    )
    output: Path | None = Field(
        default=None,
        validation_alias=AliasChoices("o", "output"),
        description="Draw it into this SVG file; needs data",
    )

    def cli_cmd(self) -> None:
        """Print the table, and draw it."""
        from model.front import measure_front
        from model.front_drawing import draw_front

        if self.output is not None and not self.data:
            raise InvalidInput("--output draws accuracy, which needs pictures; give --data too")
        with progress_bar("measuring") as progress:
            front = measure_front(
                self.bundles,
                self.data,
                part=self.part,
                rounds=self.rounds,
                seconds=self.seconds,
                progress=progress,
            )
        print(json.dumps(front.to_dict(), indent=2) if self.json_output else front.report())
        if self.output is not None:
            self.output.write_text(draw_front(front), encoding="utf-8")


class AddTrace(BaseModel):
    """Add the graph of traces to a bundle that was exported without, or make it anew.

    All else of the bundle stays: its other graphs, number formats, and what was measured of it.
    """

    bundle: CliPositionalArg[Path] = Field(description="Bundle: the folder with contract.json")

    def cli_cmd(self) -> None:
        """Add the graph and say what to do next."""
        from model.export import add_trace

        bundle = add_trace(self.bundle)
        print(f"added to {bundle.folder}\nnext:    vitrine serve --bundles {bundle.folder}")


class MergeTokens(BaseModel):
    """Make a faster model of a bundle, in which like patches are merged into one token on the way.

    It is a bundle of its own, which classifies alone: explanations stay with the first. It is
    refused when it loses more than 0.5 points of top-1.
    """

    bundle: CliPositionalArg[Path] = Field(description="Bundle: the folder with contract.json")
    tokens: list[int] = Field(
        description="Tokens to merge in each block, from the first on, as 0,24,0,16"
    )
    name: str = Field(description="Name of the new model: lower-case letters, digits, . _ -")
    version: str = Field(default="1", description="Version of the new model")
    data: list[str] = Field(
        default_factory=list,
        description="Data sources, as for train; without any, nothing is measured",
    )
    part: Literal["test", "validation", "train"] = Field(
        default="test", description="Which part of the data to judge it on"
    )
    output: Path = Field(
        default=Path("bundles"),
        validation_alias=AliasChoices("o", "output"),
        description="Folder of bundles",
    )

    def cli_cmd(self) -> None:
        """Write the bundle and print what was measured."""
        from model.merge_tokens import merge_tokens

        with progress_bar("comparing") as progress:
            made = merge_tokens(
                self.bundle,
                self.tokens,
                self.output,
                self.name,
                self.version,
                sources=self.data,
                part=self.part,
                progress=progress,
            )
        print(made.report())
        print(f"written: {made.folder}\nnext:    {PROGRAM} quantize {made.folder} --data DATA")


class VitrineModel(
    BaseSettings,
    cli_prog_name=PROGRAM,
    cli_kebab_case=True,
    cli_implicit_flags=True,
    cli_hide_none_type=True,
):
    """Make Vision Transformers for Vitrine: train, export, evaluate, and quantize."""

    train: CliSubCommand[Train] = Field(description="Train on folders of pictures")
    throughput: CliSubCommand[Throughput] = Field(
        description="Measure how fast images are loaded and learnt from"
    )
    train_teacher: CliSubCommand[TrainTeacher] = Field(description="Train a network that teaches")
    teacher_accuracy: CliSubCommand[TeacherAccuracy] = Field(
        description="Measure how often a teacher is right"
    )
    export: CliSubCommand[Export] = Field(description="Turn a trained run into a bundle")
    pretrained: CliSubCommand[Pretrained] = Field(description="Turn a public ViT into a bundle")
    random: CliSubCommand[Random] = Field(description="Write a bundle with random weights")
    evaluate: CliSubCommand[Evaluate] = Field(description="Measure a bundle on labelled pictures")
    quantize: CliSubCommand[Quantize] = Field(description="Add a graph in fewer bits to a bundle")
    merge_tokens: CliSubCommand[MergeTokens] = Field(description="Make a faster model of a bundle")
    front: CliSubCommand[MeasureFront] = Field(
        description="Measure accuracy against images a second of several bundles"
    )
    add_trace: CliSubCommand[AddTrace] = Field(description="Add the graph of traces to a bundle")

    def cli_cmd(self) -> None:
        """Run the command chosen."""
        CliApp.run_subcommand(self)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `vitrine-model`."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        run(VitrineModel, PROGRAM, arguments)
    except ModuleNotFoundError as error:  # the service is installed without torch and its company
        sys.exit(
            f"{PROGRAM}: {error.name} is not installed; "
            "run pip install -e '.[cpu,train]' in Vitrine's folder"
        )
