"""Cores on an event loop of their own, for as long as a test uses them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from service.cores import Cores
from service.own_cpus import OwnCpus

PATIENCE_SECONDS = 20
Result = TypeVar("Result")


def play(
    use: Callable[[Cores], Awaitable[Result]], number: int = 2, own: OwnCpus | None = None
) -> Result:
    """Let `use` work with so many cores, then close them; nothing may hang."""

    async def bounded() -> Result:
        cores = Cores(number, own=own)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await use(cores)
        finally:
            cores.close()

    return asyncio.run(bounded())
