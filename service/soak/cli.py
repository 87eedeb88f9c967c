"""The command `vitrine soak`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from pydantic import BaseModel, Field

from service.output_file import write_output
from service.settings import EMBEDDED_BUNDLES

NOT_MET = 1


class Soak(BaseModel):
    """Serve good and bad requests for long, with reloads and a killed worker, and judge it."""

    bundles: Path = Field(
        default=EMBEDDED_BUNDLES, description="Bundle, or folder of bundles; the embedded model"
    )
    minutes: float = Field(default=20, gt=0, description="How long it takes")
    workers: int = Field(default=2, ge=1, description="Worker processes; of several one is killed")
    callers: int = Field(default=8, ge=1, le=64, description="Callers at once")
    output: Path | None = Field(default=None, description="JSON file to write as well")

    def cli_cmd(self) -> None:
        """Print what was found; exits with 1 where something does not hold."""
        from service.soak.soak import soak

        report = soak(
            self.bundles,
            seconds=60 * self.minutes,
            workers=self.workers,
            progress=lambda line: print(line, file=sys.stderr, flush=True),
            callers=self.callers,
        )
        if self.output:
            document = asdict(report) | {"is_met": report.is_met}
            write_output(self.output, (json.dumps(document, indent=2) + "\n").encode())
        print(report)
        if not report.is_met:
            sys.exit(NOT_MET)
