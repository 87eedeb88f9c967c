"""The command `python -m service.scaling`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, CliImplicitFlag, SettingsConfigDict

from service.benchmarking.table import table
from service.command_line import run
from service.output_file import write_output
from service.scaling.autoscaler import Bounds, Target
from service.scaling.day import Day
from service.scaling.report import HEADINGS, Row, row
from service.scaling.simulation import Capacity, Outcome, simulate

PROGRAM = "python -m service.scaling"
SHORTEST_HOURS = 0.01  # two looks of the autoscaler


class Scaling(BaseSettings):
    """Simulate a day of requests to replicas that Kubernetes scales, for each target in turn."""

    model_config = SettingsConfigDict(
        cli_prog_name=PROGRAM,
        cli_kebab_case=True,
        cli_hide_none_type=True,
        env_prefix="VITRINE_SCALING_",
    )

    images_per_second: float = Field(gt=0, description="What one replica answers at full load")
    cost_per_hour: float = Field(ge=0, description="What one replica costs, in any currency")
    peak: float = Field(gt=0, description="Images a second at the busiest hour")
    start_seconds: float = Field(
        default=20, ge=0, description="From the wish for a replica until it is ready"
    )
    cores: int = Field(default=2, ge=1, description="CPUs of a replica, or 1 for a GPU")
    max_queue: int = Field(default=64, ge=1, description="Images under way in a replica at most")
    variation: float = Field(
        default=0.3, ge=0, description="Deviation of the time for an image, over its mean"
    )
    cpu_percent: list[float] = Field(default=[], description="Target of CPU; a row for each")
    queued_images: list[float] = Field(
        default=[], description="Target of the queue; a row for each"
    )
    fixed: list[int] = Field(default=[], description="Replicas that stay; a row for each")
    together: CliImplicitFlag[bool] = Field(
        default=False, description="One row that follows all targets at once, as one HPA does"
    )
    least: int = Field(default=2, ge=1, description="Fewest replicas")
    most: int = Field(default=20, ge=1, description="Most replicas")
    scale_down_seconds: float = Field(
        default=300, ge=0, description="How long fewer must have been enough"
    )
    hours: float = Field(default=24, ge=SHORTEST_HOURS, description="How much of the day")
    seed: int = Field(default=0, ge=0, description="The same seed gives the same day")
    output: Path | None = Field(default=None, description="JSON file to write as well")

    @model_validator(mode="after")
    def _has_something_to_do(self) -> Scaling:
        if not (self.cpu_percent or self.queued_images or self.fixed):
            raise ValueError("give --cpu-percent, --queued-images or --fixed, each as often as due")
        if min([*self.cpu_percent, *self.queued_images, *self.fixed]) <= 0:
            raise ValueError("--cpu-percent, --queued-images and --fixed are above 0")
        if self.least > self.most:
            raise ValueError(f"--least {self.least} is more than --most {self.most}")
        return self

    def cli_cmd(self) -> None:
        """Print a row for each way to scale."""
        rows = []
        for one in self._rows():
            rows.append(one)
            print(f"{one.follows}: {one.images:,} images", file=sys.stderr, flush=True)
        if self.output:
            document = self.model_dump(mode="json", exclude={"output"})
            document["rows"] = [asdict(one) for one in rows]
            write_output(self.output, (json.dumps(document, indent=2) + "\n").encode())
        print(table(HEADINGS, [one.cells() for one in rows]))

    def _rows(self) -> Iterator[Row]:
        targets = [Target("cpu", value) for value in self.cpu_percent]
        targets += [Target("queue", value) for value in self.queued_images]
        bounds = Bounds(self.least, self.most, self.scale_down_seconds)
        for followed in [tuple(targets)] if self.together else [(one,) for one in targets]:
            if followed:
                outcome = self._day(followed, bounds)
                yield row(" and ".join(map(str, followed)), outcome, self.cost_per_hour)
        for number in self.fixed:
            outcome = self._day((), Bounds(number, number))
            yield row(f"nothing, {number} stay", outcome, self.cost_per_hour)

    def _day(self, targets: tuple[Target, ...], bounds: Bounds) -> Outcome:
        capacity = Capacity(
            self.images_per_second,
            self.cores,
            self.max_queue,
            self.start_seconds,
            self.variation,
        )
        day = Day(self.peak)
        return simulate(day, capacity, targets, bounds, hours=self.hours, seed=self.seed)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    run(Scaling, PROGRAM, arguments)
