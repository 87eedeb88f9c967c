"""Who uses a thing that must not be closed meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

Thing = TypeVar("Thing")


class Holders:
    """How many hold a thing now. It belongs to one event loop."""

    def __init__(self) -> None:
        self._count = 0
        self._is_let_go = asyncio.Event()
        self._is_let_go.set()

    @contextmanager
    def one_more(self, thing: Thing) -> Iterator[Thing]:
        """Hold the thing until the block ends."""
        self._count += 1
        self._is_let_go.clear()
        try:
            yield thing
        finally:
            self._count -= 1
            if not self._count:
                self._is_let_go.set()

    async def all_gone(self) -> None:
        """Wait until nobody holds it."""
        while self._count:  # who came since the last one left counts, too
            await self._is_let_go.wait()
