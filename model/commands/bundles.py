"""The commands of `vitrine-model` that write bundles."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field
from pydantic_settings import CliPositionalArg

from model.commands import PROGRAM, Output


class Export(BaseModel):
    """Turn a training's run folder into a bundle that `vitrine serve` can serve.

    A bundle is taken as well: its graphs are made anew, as this version makes them.
    """

    run: CliPositionalArg[Path] = Field(description="Run folder of a training, or a bundle")
    name: str = Field(description="Model name: lower-case letters, digits, . _ -")
    version: str = Field(default="1", description="Version of the model")
    output: Output = Path("bundles")

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
    output: Output = Path("bundles")

    def cli_cmd(self) -> None:
        """Write the bundle and say what to do next."""
        from model.export import export_bundle
        from model.random_bundle import random_checkpoint

        name = f"random-{self.size.lower()}16"
        folder = export_bundle(random_checkpoint(self.size, self.seed), self.output, name, "1")
        print(f"written: {folder}\nnext:    vitrine benchmark --bundles {folder}")


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
