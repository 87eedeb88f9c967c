"""The commands of `vitrine-model` that measure bundles."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, BaseModel, Field
from pydantic_settings import CliPositionalArg

from model.commands import PROGRAM, Data, Part
from model.progress_bar import progress_bar
from service.errors import InvalidInput
from service.explanation.question import MOST_STEPS
from service.explanation.removal import Removal
from service.record import PrecisionName


class Evaluate(BaseModel):
    """Measure a bundle on labelled pictures, as the service would answer them."""

    bundle: CliPositionalArg[Path] = Field(description="Bundle: the folder with contract.json")
    data: Data
    part: Part = "test"
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
    part: Part = "test"
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
