"""The `vitrine-model` command: everything that makes, changes and measures models."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pydantic import Field
from pydantic_settings import BaseSettings, CliApp, CliSubCommand, CliToggleFlag

from model.commands import PROGRAM
from model.commands.bundles import AddTrace, Export, Random
from model.commands.lighter import MergeTokens, Quantize
from model.commands.measuring import Evaluate, MeasureFront
from model.commands.pretrained import Pretrained
from model.commands.teaching import TeacherAccuracy, TrainTeacher
from model.commands.training import Throughput, Train
from service import __version__
from service.command_line import run


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
    version: CliToggleFlag[bool] = Field(default=False, description="Print the version")

    def cli_cmd(self) -> None:
        """Run the command chosen."""
        if self.version:
            print(f"{PROGRAM} {__version__}")
            return
        CliApp.run_subcommand(self)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `vitrine-model`."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    run(VitrineModel, PROGRAM, arguments)
