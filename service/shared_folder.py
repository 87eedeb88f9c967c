"""The folder that a supervisor shares with its workers, named by VITRINE_SHARED_FOLDER.

It holds `metrics/`, written by the workers, and `workers.json`, written by the supervisor. It is
private, lives in memory where the system offers that, and ends with the supervisor.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from service.errors import InvalidParameter

VARIABLE = "VITRINE_SHARED_FOLDER"
METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # as the metrics library calls it
MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made in it is private


@dataclass(frozen=True)
class WorkerCounts:
    """How many workers are ready, and how many were started in place of one that died."""

    ready: int = 0
    restarts: int = 0


@contextmanager
def shared_folder() -> Iterator[Path]:
    """Make the folder, and remove it after the block.

    Raises InvalidParameter where there is no place for it.
    """
    parent = MEMORY if os.access(MEMORY, os.W_OK) else None
    try:
        folder = Path(tempfile.mkdtemp(prefix="vitrine-", dir=parent))
    except OSError as error:
        raise InvalidParameter(
            f"no folder can be made that the workers share: {error.strerror or error}; "
            "set TMPDIR to one that can be written, or use --workers 1"
        ) from None
    try:
        metrics_folder(folder).mkdir()
        write_counts(folder, WorkerCounts())
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # a worker that is killed last may still write


def metrics_folder(folder: Path) -> Path:
    """Where the workers' metrics lie."""
    return folder / "metrics"


def forget_live_gauges(folder: Path, seat: int) -> None:
    """Drop what a worker that ended said of its present; what it counted stays."""
    for file in metrics_folder(folder).glob(f"gauge_live*_{seat}.db"):
        file.unlink(missing_ok=True)


def write_counts(folder: Path, counts: WorkerCounts) -> None:
    """Replace the counts at once, so that no reader sees half of them."""
    (folder / "workers.new").write_text(json.dumps(asdict(counts)))
    (folder / "workers.new").replace(folder / "workers.json")


def read_counts(folder: Path) -> WorkerCounts:
    """Give the supervisor's latest counts."""
    return WorkerCounts(**json.loads((folder / "workers.json").read_text()))
