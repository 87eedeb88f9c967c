"""What the command tells a rival's server: where its bundle is, and how it is to serve."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Asked:
    """The bundle's folder, the port, the processes that infer, and the largest batch."""

    bundle: Path
    port: int
    workers: int
    max_batch_size: int


def asked() -> Asked:
    """Read the arguments of a server, which are the same for all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--max-batch-size", type=int, required=True)
    found, _ = parser.parse_known_args()
    return Asked(found.bundle, found.port, found.workers, found.max_batch_size)
