"""Waiting for a state that something else reaches by itself."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_SECONDS = 60


def until(is_true: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Look again and again, until it is true; fail where it is not by so many seconds."""
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.005)
