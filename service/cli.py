"""The `vitrine` command: serve, classify, explain, bulk, inspect, benchmark, soak, doctor, key."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import AliasChoices, BaseModel, Field
from pydantic_settings import (
    BaseSettings,
    CliApp,
    CliPositionalArg,
    CliSubCommand,
    CliToggleFlag,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
)

from service import __version__
from service.benchmarking.cli import Benchmark
from service.bulk.cli import Bulk
from service.command_line import run
from service.drawing.options import Drawing
from service.errors import VitrineError
from service.explain_schemas import ExplainMapsResult
from service.explanation.question import ExplainOptions, ask
from service.output_file import write_output
from service.settings import EMBEDDED_BUNDLES, Settings
from service.soak.cli import Soak

MISCONFIGURED = 78  # as sysexits.h has it


class Serve(Settings):
    """Serve models over HTTP. Each option is also a variable: --port is VITRINE_PORT."""

    def cli_cmd(self) -> None:
        """Run the server until it is told to stop."""
        if self.workers > 1:
            from service.launch import launch  # needed here alone

            launch(self)
        from service.opening import open_early

        early = open_early(self)
        from service.server import serve  # the HTTP stack is slow to import and needed here alone

        serve(self, early)


class LocalCommand(BaseModel):
    """What the commands without a server share."""

    bundles: Path = Field(
        default=EMBEDDED_BUNDLES, description="Bundle, or folder of bundles; the embedded model"
    )


class Classify(LocalCommand):
    """Classify pictures without a server."""

    images: CliPositionalArg[list[Path]] = Field(description="Picture files")
    top_k: int = Field(default=5, ge=1, description="How many classes to name")
    json_lines: bool = Field(default=False, description="Print JSON, one line a picture")

    def cli_cmd(self) -> None:
        """Print the classes of each picture."""
        from service.local import LocalModel

        model = LocalModel(self.bundles)
        failures: list[VitrineError] = []
        for image in self.images:
            try:
                result = model.classify(image, self.top_k)
            except VitrineError as error:  # the other pictures are classified all the same
                failures.append(error)
                sys.stderr.write(f"{image}: {error.title}: {error.detail}\n")
                continue
            if self.json_lines:
                told = {name: part for name, part in asdict(result).items() if part is not None}
                print(json.dumps({"file": str(image), **told}))
                continue
            print(image)
            for item in result.predictions:
                print(f"  {item.probability:7.2%}  {item.label}")
        if failures:
            sys.exit(failures[0].exit_code)


class Explain(LocalCommand, ExplainOptions, Drawing):
    """Draw what the model saw in a picture, without a server."""

    image: CliPositionalArg[Path] = Field(description="Picture file")
    output: Path = Field(
        default=Path("heatmap.png"),
        validation_alias=AliasChoices("o", "output"),
        description="PNG to write; its text chunk `vitrine` holds the scores",
    )

    def cli_cmd(self) -> None:
        """Write the heatmap and say what it shows."""
        from service.local import LocalModel

        model = LocalModel(self.bundles)
        result, png = model.explain(self.image, ask(model.contract, self), self)
        write_output(self.output, png)
        for one in result.maps if isinstance(result, ExplainMapsResult) else [result]:
            print(
                f"{self.output}: {result.method.name} of {one.target.label} "
                f"({one.target.probability:.2%}) in {self.image}"
            )
            if one.faithfulness:
                print(
                    f"  faithfulness: delta {one.faithfulness.delta:.3f} "
                    f"(removal {one.faithfulness.removal})"
                )
            for warning in one.warnings:
                print(f"  warning: {warning}")


class Inspect(LocalCommand):
    """Print the contract of every bundle, or its JSON Schema."""

    json_schema: bool = Field(default=False, description="Print the contract's JSON Schema")

    def cli_cmd(self) -> None:
        """Print JSON."""
        from service.bundle import read_bundle
        from service.bundle_folder import find_bundles
        from service.contract import contract_schema

        if self.json_schema:
            print(json.dumps(contract_schema(), indent=2))
            return
        for folder in find_bundles(self.bundles):
            print(read_bundle(folder).contract.model_dump_json(indent=2))


class Doctor(Settings):
    """Check what `vitrine serve` with the same options would find: machine, settings, bundles."""

    as_json: bool = Field(
        default=False, validation_alias=AliasChoices("json"), description="Print JSON"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *others: PydanticBaseSettingsSource,
        **named: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the variables of the settings alone: JSON is another program's variable."""
        return init_settings, EnvSettingsSource(Settings)

    def cli_cmd(self) -> None:
        """Print a line for each check; an error among them is the exit code."""
        from service.doctor.check import worst
        from service.doctor.examination import examine
        from service.doctor.report import as_json, as_text

        options = self.model_dump(include=set(Settings.model_fields))
        checks = examine(Settings(**options))
        print(as_json(checks) if self.as_json else as_text(checks))
        if worst(checks) == "error":
            sys.exit(MISCONFIGURED)


class NewKey(BaseModel):
    """Make an API key: its hash goes to the file, the key is printed this once."""

    name: CliPositionalArg[str] = Field(description="Whose key it is; one name may have several")
    file: Path = Field(description="File of keys for `vitrine serve --api-keys-file`")
    admin: bool = Field(default=False, description="The key may also change what is served")

    def cli_cmd(self) -> None:
        """Print the key alone, so that a script can take it."""
        from service.keys import add_key

        print(add_key(self.file, self.name, "admin" if self.admin else "use"))
        sys.stderr.write(f"its hash is in {self.file}; the key itself is stored nowhere\n")


class Vitrine(
    BaseSettings,
    cli_prog_name="vitrine",
    cli_kebab_case=True,
    cli_implicit_flags=True,
    cli_hide_none_type=True,
):
    """Serve Vision Transformers and show what they see."""

    serve: CliSubCommand[Serve] = Field(description="Serve models over HTTP")
    classify: CliSubCommand[Classify] = Field(description="Classify pictures without a server")
    explain: CliSubCommand[Explain] = Field(description="Draw what the model saw in a picture")
    bulk: CliSubCommand[Bulk] = Field(description="Classify a great many pictures into Parquet")
    inspect: CliSubCommand[Inspect] = Field(description="Print the bundles' contracts")
    benchmark: CliSubCommand[Benchmark] = Field(description="Measure the served model")
    soak: CliSubCommand[Soak] = Field(description="Try the service for long, with all that is bad")
    doctor: CliSubCommand[Doctor] = Field(description="Check this machine and the bundles")
    key: CliSubCommand[NewKey] = Field(description="Make an API key")
    version: CliToggleFlag[bool] = Field(default=False, description="Print the version")

    def cli_cmd(self) -> None:
        """Run the command chosen."""
        if self.version:
            print(f"vitrine {__version__}")
            return
        CliApp.run_subcommand(self)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `vitrine`."""
    run(Vitrine, "vitrine", arguments)
