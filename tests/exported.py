"""Bundles that take half a minute to export: made once for all the processes of a test run."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.untraced import untraced_exporter


def exported_once(
    factory: pytest.TempPathFactory, name: str, export: Callable[[Path], object]
) -> Path:
    """Give the folder of bundles that `export` fills; the first process that asks has it filled.

    The others wait for it. Read the folder, never write into it.
    """
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each process has a folder in that of the run
        shared = shared.parent
    bundles = shared / f"exported-{name}"
    with bundles.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not bundles.exists():
            unfinished = bundles.with_suffix(".unfinished")
            with untraced_exporter():
                export(unfinished)
            unfinished.rename(bundles)
    return bundles
