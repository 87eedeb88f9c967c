"""The commands of `vitrine-model` that make a bundle faster."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field
from pydantic_settings import CliPositionalArg

from model.commands import PROGRAM, Data, Output, Part
from model.progress_bar import progress_bar


class Quantize(BaseModel):
    """Add a classify graph in fewer bits to a bundle, if it answers as the one in fp32 does.

    It is refused, and the bundle left as it was, when it loses more than 0.3 points of top-1 or
    predicts another class than fp32 on more than 1 % of the pictures.
    """

    bundle: CliPositionalArg[Path] = Field(description="Bundle: the folder with contract.json")
    data: Data
    precision: Literal["int8", "fp16"] = Field(
        default="int8", description="int8 for CPUs, fp16 for NVIDIA GPUs"
    )
    part: Part = "test"
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
    part: Part = "test"
    output: Output = Path("bundles")

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
