"""Work on many things in several threads, with the results in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")


@contextmanager
def side_by_side(
    work: Callable[[Thing], Result],
    things: Sequence[Thing],
    workers: int,
    prepare_thread: Callable[[], None] = lambda: None,
) -> Iterator[Iterator[Result]]:
    """Give the results of `work` on `workers` things at a time, in the order of the things.

    Leaving the context, by an error too, drops the work that has not begun. What `work` raises,
    the iterator raises. `prepare_thread` runs first in every thread.
    """
    with ThreadPoolExecutor(workers, initializer=prepare_thread) as threads:
        try:
            yield threads.map(work, things)
        finally:
            threads.shutdown(cancel_futures=True)
