"""Who uses a thing that must not be closed meanwhile."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Holders:
    """How many hold a thing now. It belongs to one event loop."""

    def __init__(self) -> None:
        self._count = 0
        self._is_let_go = asyncio.Event()

    def one_more(self, thing: Thing) -> Holding[Thing]:
        """Hold the thing until the block ends."""
        return Holding(self, thing)

    def come(self) -> None:
        """Hold it from now on."""
        self._count += 1

    def leave(self) -> None:
        """Hold it no longer."""
        self._count -= 1
        if not self._count:
            self._is_let_go.set()

    async def all_gone(self) -> None:
        """Wait until nobody holds it."""
        while self._count:  # who came since the last one left counts, too
            self._is_let_go.clear()
            await self._is_let_go.wait()


class Holding(Generic[Thing]):
    """Holds a thing in a block."""

    def __init__(self, holders: Holders, thing: Thing) -> None:
        self._holders = holders
        self._thing = thing

    def __enter__(self) -> Thing:
        """Give the thing."""
        self._holders.come()
        return self._thing

    def __exit__(self, *_: object) -> None:
        """Let it go."""
        self._holders.leave()
