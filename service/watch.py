"""Watches the folder of bundles, and reloads what changed in it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from service.bundle_folder import Fingerprint, fingerprints, stated_name_and_version
from service.errors import BundlesRefused, ModelNotFound
from service.loader import Loader

logger = logging.getLogger("vitrine")


class Watch:
    """What the folder of bundles held when it was last looked at.

    Invariant: each change is acted upon once; a reload that fails is tried again when the files
    change again, as those of a bundle do that is still being copied.
    """

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self._seen: dict[Path, Fingerprint] = {}

    async def note(self) -> None:
        """Take down what is there, before it is loaded, and act upon nothing."""
        self._seen = await asyncio.to_thread(fingerprints, self._loader.folder)

    async def look(self) -> None:
        """Reload every name whose bundles changed since the last look."""
        before = self._seen
        await self.note()
        either = before.keys() | self._seen.keys()
        changed = {bundle for bundle in either if before.get(bundle) != self._seen.get(bundle)}
        for name in await asyncio.to_thread(self._names, changed):
            try:
                await self._loader.reload(name)
            except (BundlesRefused, ModelNotFound):
                continue  # the loader has counted and logged it

    def _names(self, changed: set[Path]) -> list[str]:
        served = {
            model.contract.name
            for model in self._loader.registry.models
            if model.engine.bundle.folder in changed
        }
        present = changed & self._seen.keys()
        return sorted(served | {stated_name_and_version(bundle)[0] for bundle in present})

    async def look_every(self, seconds: float) -> None:
        """Look again and again; never, where that is every 0 seconds."""
        while seconds:
            await asyncio.sleep(seconds)
            try:
                await self.look()
            except Exception as error:  # whatever it is, the next look may do
                logger.error("the folder of bundles cannot be watched", exc_info=error)
