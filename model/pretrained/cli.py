"""The command `vitrine-model pretrained`: a public model in, a bundle out."""

from __future__ import annotations

from pathlib import Path

from pydantic import AliasChoices, BaseModel, Field
from pydantic_settings import CliPositionalArg

from model.pretrained.overrides import Interpolation, Overrides, Resize, Triple

PROGRAM = "vitrine-model"


class Pretrained(BaseModel):
    """Turn a public Vision Transformer into a bundle: ViT, DeiT, DINOv2, and timm's.

    Architecture, preprocessing and labels are read from its own files and shown before anything is
    written; every flag beside them wins. Pickles are read without being run.
    """

    source: CliPositionalArg[str] = Field(
        description="A folder, a file of weights, or OWNER/NAME on the Hugging Face Hub"
    )
    output: Path = Field(
        default=Path("bundles"),
        validation_alias=AliasChoices("o", "output"),
        description="Folder of bundles",
    )
    name: str | None = Field(default=None, description="Model name; else made of the source's")
    version: str = Field(default="1", description="Version of the model")
    architecture: str | None = Field(
        default=None, description="Name of the architecture in timm, for a bare file of weights"
    )
    heads: int | None = Field(default=None, ge=1, description="Attention heads of each block")
    image_size: int | None = Field(
        default=None, ge=1, description="Edge in pixels that the model sees; positions are resized"
    )
    labels: Path | None = Field(
        default=None, description="File of labels: one a line, or JSON of a list or of id2label"
    )
    resize: Resize | None = Field(
        default=None, description="shortest_edge keeps the aspect, exact stretches"
    )
    size: int | None = Field(default=None, ge=1, description="Edge that pictures are resized to")
    interpolation: Interpolation | None = Field(default=None, description="How they are resized")
    rescale: float | None = Field(default=None, gt=0, description="Factor of levels 0 to 255")
    mean: Triple | None = Field(default=None, description="Mean of the channels, as 0.5,0.5,0.5")
    std: Triple | None = Field(default=None, description="Their standard deviation, likewise")

    def cli_cmd(self) -> None:
        """Show what was read, write the bundle, and say what to do next."""
        from model.export import check_free, export_bundle
        from model.pretrained.conversion import bundle_name, public_checkpoint, read_public_model
        from model.pretrained.facts import report

        name = self.name or bundle_name(self.source)
        check_free(self.output, name, self.version)
        public = read_public_model(self.source, self.overrides())
        print(report(public.facts, public.warnings), flush=True)
        folder = export_bundle(public_checkpoint(public), self.output, name, self.version)
        print(
            f"written: {folder}\n"
            f"next:    vitrine classify PICTURE --bundles {self.output}\n"
            f"         vitrine serve --bundles {self.output}\n"
            f"         {PROGRAM} evaluate {folder} --data DATA --record"
        )

    def overrides(self) -> Overrides:
        """Give what the flags say over the heads of the source's files."""
        return Overrides(
            architecture=self.architecture,
            heads=self.heads,
            image_size=self.image_size,
            labels=self.labels,
            resize=self.resize,
            size=self.size,
            interpolation=self.interpolation,
            rescale=self.rescale,
            mean=self.mean,
            std=self.std,
        )
