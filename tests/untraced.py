"""What goes without coverage, whose tracing takes a quarter to a half of its time.

Only heavy processes whose code is covered elsewhere.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

VARIABLES = "COVERAGE_"  # how their names begin that tell a process to measure its coverage


def untraced() -> dict[str, str]:
    """Give this environment, for a process that does not measure its coverage."""
    return {name: value for name, value in os.environ.items() if not name.startswith(VARIABLES)}


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
