"""Work ahead of its use, in a thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


class End:
    """What comes after the last item."""


def ahead(items: Iterator[Item], count: int = 2) -> Iterator[Item]:
    """Give the items in order, while a thread works on the next `count`.

    What `items` raises comes where its item would have come. Closing ends the thread.
    """
    end = End()
    with ThreadPoolExecutor(1) as thread:
        coming = deque(thread.submit(next, items, end) for _ in range(count))
        try:
            while not isinstance(item := coming.popleft().result(), End):
                coming.append(thread.submit(next, items, end))
                yield item
        finally:
            thread.shutdown(cancel_futures=True)
