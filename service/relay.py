"""Passes on to the other workers what one was told about its models, by files in a shared folder.

The workers of one service have the same folder of bundles, but each its own models. A request to
reload reaches one of them, which leaves a file that the others see:

    reload-NAME, reload-NAME@VERSION   a stamp: reload this, unless you have seen the stamp
    withdrawn-NAME                     digests, one a line: these versions are withdrawn

What is withdrawn holds for a worker that starts later, too; of reloads it needs no word.
"""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

from service.errors import VitrineError
from service.loader import Loader

RELOAD, WITHDRAWN, AT = "reload-", "withdrawn-", "@"  # no name or version holds an @
logger = logging.getLogger("vitrine")


class Relay:
    """The files that workers leave for each other, without a folder none.

    They are few, small and on a local disk, so they are read and written on the event loop:
    nothing comes between what a worker does and what it tells. Invariant: a file that this worker
    wrote, or has followed, is not followed again until it changes.
    """

    def __init__(self, loader: Loader, folder: Path | None) -> None:
        """Take down the reloads that were asked for before this worker began to load."""
        self._loader = loader
        self._folder = folder
        self._seen = {name: text for name, text in self._files().items() if _is_reload(name)}

    def tell_reload(self, name: str, version: str | None) -> None:
        """Have the other workers reload the same."""
        self._write(f"{RELOAD}{name}{AT}{version}" if version else RELOAD + name, _stamp())
        self.tell_withdrawn(name)

    def tell_withdrawn(self, name: str) -> None:
        """Have the other workers withdraw the same versions of a model."""
        self._write(WITHDRAWN + name, "\n".join(sorted(self._loader.registry.withdrawn(name))))

    async def look(self) -> None:
        """Follow what the other workers told."""
        for file, text in self._files().items():
            if self._seen.get(file) != text:
                self._seen[file] = text
                await self._follow(file, text)

    async def look_every(self, seconds: float) -> None:
        """Look again and again."""
        while self._folder:
            await asyncio.sleep(seconds)
            try:
                await self.look()
            except Exception as error:  # whatever it is, the next look may do
                logger.error("the other workers cannot be followed", exc_info=error)

    async def _follow(self, file: str, text: str) -> None:
        if file.startswith(WITHDRAWN):
            name = file.removeprefix(WITHDRAWN)
            self._loader.registry.withdraw(name, frozenset(text.split()))
            return
        name, _, version = file.removeprefix(RELOAD).partition(AT)
        try:
            await self._loader.reload(name, version or None)
        except VitrineError as error:
            logger.error("reload of %s, as another worker did: %s", name, error.detail)

    def _files(self) -> dict[str, str]:
        if not self._folder:
            return {}
        files = [*self._folder.glob(f"{RELOAD}*"), *self._folder.glob(f"{WITHDRAWN}*")]
        return {file.name: file.read_text() for file in files}

    def _write(self, file: str, text: str) -> None:
        if not self._folder:
            return
        self._seen[file] = text
        partial = self._folder / f".{file}.{_stamp()}"
        partial.write_text(text)
        partial.replace(self._folder / file)  # at once: nobody reads half of it


def _is_reload(file: str) -> bool:
    return file.startswith(RELOAD)


def _stamp() -> str:
    return str(time.time_ns())
