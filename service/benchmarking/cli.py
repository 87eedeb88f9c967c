"""The command `vitrine benchmark`: what can be asked of it, and which measurement that is."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field, field_validator, model_validator

from service.output_file import write_output
from service.settings import EMBEDDED_BUNDLES

if TYPE_CHECKING:
    from service.benchmarking.pictures import Picture

SECONDS, OVERLOAD_SECONDS = 2.0, 60.0
NOT_MET = 1
HEADER = re.compile(r"[\w!#$%&'*+.^`|~-]+:")
FOREIGN = ("header", "body", "field", "content_type", "rate", "connect_each")


class Benchmark(BaseModel):
    """Measure the served model against the same work without a server, or any HTTP server."""

    bundles: Path = Field(
        default=EMBEDDED_BUNDLES, description="Bundle, or folder of bundles; the embedded model"
    )
    rounds: int = Field(default=5, ge=1, description="How often everything is measured, in turns")
    seconds: float | None = Field(
        default=None, gt=0, description="How long each measurement takes: 2, with --overload 60"
    )
    image: Path | None = Field(default=None, description="Picture file; one is drawn by default")
    only: list[str] = Field(
        default=[], description="Works to measure beside classify, such as relevance; all if none"
    )
    output: Path | None = Field(
        default=None, description="JSON file to write as well; with --autotune, environment file"
    )
    gates: bool = Field(
        default=False, description="Measure what has a goal; exit code 1 where one is not met"
    )
    overload: bool = Field(
        default=False, description="Send twice as many requests as can be answered"
    )
    autotune: bool = Field(
        default=False, description="Find the best workers, threads and batch size for this machine"
    )
    against: str = Field(
        default="", description="Address of a running HTTP server, this service or another"
    )
    path: str = Field(default="/classify", description="Path and query to post to, with --against")
    header: list[str] = Field(
        default=[], description="Header to send, as 'Authorization: Bearer KEY', with --against"
    )
    body: Literal["raw", "multipart", "json"] = Field(
        default="raw", description="How the picture is sent, with --against"
    )
    field: str = Field(default="image", description="Name of the part, or key of the base64")
    content_type: str = Field(
        default="", description="Type that is declared for the picture; its own by default"
    )
    callers: list[Annotated[int, Field(ge=1, le=64)]] = Field(
        default=[1, 8, 32], description="Callers that wait for their answers, with --against"
    )
    rate: list[Annotated[float, Field(gt=0)]] = Field(
        default=[], description="Arrivals a second, whether or not it keeps up, with --against"
    )
    schedule: Literal["poisson", "fixed"] = Field(
        default="poisson", description="How the arrivals of --rate follow each other"
    )
    connections: int = Field(
        default=512, ge=1, description="Connections that the arrivals of --rate may take at once"
    )
    connect_each: bool = Field(
        default=False, description="A connection for each request, with --against"
    )
    warm_up: float = Field(default=1, ge=0, description="Seconds before, with --against")

    @field_validator("header")
    @classmethod
    def join_values(cls, header: list[str]) -> list[str]:
        """Put together what the command line takes apart: it ends a list's item at a comma."""
        joined: list[str] = []
        for part in header:
            if joined and not HEADER.match(part):
                joined[-1] += f", {part.strip()}"
            else:
                joined.append(part)
        return joined

    @model_validator(mode="after")
    def check_one_measurement(self) -> Benchmark:
        """Refuse what would be ignored."""
        chosen = [self.gates, self.overload, self.autotune, bool(self.against)]
        if sum(chosen) > 1:
            raise ValueError("choose one of --gates, --overload, --autotune and --against")
        strange = [name for name in FOREIGN if name in self.model_fields_set]
        if strange and not self.against:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in strange)
            raise ValueError(f"{options} goes with --against; add the address of a server")
        return self

    def cli_cmd(self) -> None:
        """Print tables; progress goes to standard error. Exits with 1 where a goal is not met."""
        if self.against:
            self._measure_against()
        elif self.autotune:
            self._autotune()
        elif self.overload:
            self._overload()
        elif self.gates:
            self._measure_gates()
        else:
            self._compare()

    def _compare(self) -> None:
        from service.benchmarking.comparison import compare
        from service.benchmarking.report import tables

        report = compare(
            self.bundles,
            self.image,
            rounds=self.rounds,
            seconds=self.seconds or SECONDS,
            progress=_progress,
            only=self.only,
        )
        self._tell(tables(report), asdict(report))

    def _measure_against(self) -> None:
        from service.benchmarking.against import Loads, measure_against
        from service.benchmarking.pictures import usual_jpeg
        from service.benchmarking.request import body_of, target_of
        from service.local import read_picture

        image = read_picture(self.image) if self.image else usual_jpeg().data
        report = measure_against(
            target_of(self.against, self.path),
            body_of(image, self.body, self.field, self.content_type),
            Loads(
                callers=()
                if self.rate and "callers" not in self.model_fields_set
                else self.callers,
                rates=self.rate,
                schedule=self.schedule,
                connections=self.connections,
                connect_each=self.connect_each,
            ),
            headers=self.header,
            rounds=self.rounds,
            seconds=self.seconds or SECONDS,
            warm_up_seconds=self.warm_up,
            progress=_progress,
        )
        self._tell(str(report), asdict(report))

    def _measure_gates(self) -> None:
        from service.benchmarking.gate_run import measure_gates

        report = measure_gates(
            self.bundles,
            rounds=self.rounds,
            seconds=self.seconds or SECONDS,
            progress=_progress,
        )
        self._tell(str(report), asdict(report) | {"is_met": report.is_met})
        if not report.is_met:
            sys.exit(NOT_MET)

    def _overload(self) -> None:
        from service.benchmarking.overload_run import measure_overload

        report = measure_overload(
            self.bundles,
            seconds=self.seconds or OVERLOAD_SECONDS,
            progress=_progress,
            picture=self._picture(),
        )
        self._tell(str(report), asdict(report) | {"is_met": report.is_met})
        if not report.is_met:
            sys.exit(NOT_MET)

    def _autotune(self) -> None:
        from service.benchmarking.autotune import autotune

        report = autotune(
            self.bundles,
            rounds=self.rounds,
            seconds=self.seconds or SECONDS,
            progress=_progress,
            picture=self._picture(),
        )
        print(report)
        if self.output:
            write_output(self.output, report.environment.encode())
            print(
                f"\nwritten: {self.output}\nnext:    set -a; . {self.output}; set +a; vitrine serve"
            )
        else:
            print(f"\n{report.environment}", end="")

    def _picture(self) -> Picture | None:
        from service.benchmarking.pictures import Picture
        from service.local import read_picture

        return Picture(self.image.name, read_picture(self.image)) if self.image else None

    def _tell(self, text: str, document: dict[str, Any]) -> None:
        if self.output:
            write_output(self.output, (json.dumps(document, indent=2) + "\n").encode())
        print(text)


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
