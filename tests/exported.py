"""Bundles that take half a minute to export: made once for all the processes of a test run."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


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


def untraced() -> dict[str, str]:
    """Give this environment without what tells a process that is started to measure its coverage.

    Heavy processes, whose code is covered elsewhere, take a quarter less time then.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


@contextmanager
def untraced_exporter() -> Iterator[None]:
    """Keep coverage out of torch's exporter alone: tracing its many calls doubles its time."""
    import torch

    export = torch.onnx.export

    def untraced(*arguments: Any, **options: Any) -> Any:
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            return export(*arguments, **options)
        finally:
            sys.settrace(tracer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.onnx, "export", untraced)
        yield
