"""A bar on the terminal that shows how much of a task is done."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how much of a task is done, and how fast, where there is a terminal."""
    from rich.progress import Progress

    began = time.perf_counter()
    with Progress(disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=None)

        def progress(done: int, total: int) -> None:
            speed = done / (time.perf_counter() - began)
            described = f"{what}, {speed:,.1f} a second"
            bar.update(task, completed=done, total=total, description=described)

        yield progress
