"""The command of `vitrine-model` that brings a public model: one in, a bundle out."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import CliPositionalArg

from model.commands import PROGRAM, Output
from model.pretrained.overrides import Overrides


class Pretrained(Overrides):
    """Turn a public Vision Transformer into a bundle: ViT, DeiT, DINOv2, and timm's.

    Architecture, preprocessing and labels are read from its own files and shown before anything is
    written; every flag beside them wins. Pickles are read without being run.
    """

    source: CliPositionalArg[str] = Field(
        description="A folder, a file of weights, or OWNER/NAME on the Hugging Face Hub"
    )
    output: Output = Path("bundles")
    name: str | None = Field(default=None, description="Model name; else made of the source's")
    version: str = Field(default="1", description="Version of the model")

    def cli_cmd(self) -> None:
        """Show what was read, write the bundle, and say what to do next."""
        from model.export import check_free, export_bundle
        from model.pretrained.conversion import bundle_name, public_checkpoint, read_public_model
        from model.pretrained.facts import report

        name = self.name or bundle_name(self.source)
        check_free(self.output, name, self.version)
        public = read_public_model(self.source, self)
        print(report(public.facts, public.warnings), flush=True)
        folder = export_bundle(public_checkpoint(public), self.output, name, self.version)
        print(
            f"written: {folder}\n"
            f"next:    vitrine classify PICTURE --bundles {self.output}\n"
            f"         vitrine serve --bundles {self.output}\n"
            f"         {PROGRAM} evaluate {folder} --data DATA --record"
        )
