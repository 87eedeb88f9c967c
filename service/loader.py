"""Brings what is served in line with the folder of bundles: at the start, and at every reload."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from service.bundle import file_digest, read_bundle
from service.bundle_folder import find_bundles, present_bundles, stated_name_and_version
from service.contract import CONTRACT_FILE
from service.errors import (
    BundlesRefused,
    ContractError,
    ErrorDetail,
    ModelNotFound,
    ModelNotReady,
    VitrineError,
)
from service.registry import Registry
from service.schemas import ReloadAnswer, ReplacedItem, VersionItem
from service.served_model import ServedModel

Outcome = Literal["succeeded", "refused"]
logger = logging.getLogger("vitrine")


@dataclass(frozen=True)
class Lifecycle:
    """What is done with a bundle that becomes a model, and with a model that is served no longer.

    `open` runs on a thread and raises ContractError or ProviderError; the others on the event loop.
    """

    open: Callable[[Path], ServedModel]
    start: Callable[[ServedModel], None]
    retire: Callable[[ServedModel], None] = lambda model: None


@dataclass(frozen=True)
class Choice:
    """The versions that a reload is about: all of a name, or one."""

    name: str
    version: str | None = None

    def __str__(self) -> str:
        return f"{self.name} version {self.version}" if self.version else self.name

    def has(self, name: str, version: str) -> bool:
        """Whether a model is among them."""
        return name == self.name and self.version in (None, version)

    def of(self, models: Sequence[ServedModel]) -> list[ServedModel]:
        """Give those among models."""
        return [one for one in models if self.has(one.contract.name, one.contract.version)]


class Loader:
    """Opens bundles, and gives them to the registry to serve.

    Invariants: one reload at a time, the others wait; the versions that a reload is about change
    together or not at all.
    """

    def __init__(
        self,
        registry: Registry,
        folder: Path,
        lifecycle: Lifecycle,
        on_reload: Callable[[str, Outcome], None] = lambda name, outcome: None,
    ) -> None:
        """`on_reload` is told the name and the outcome of each reload of a model that exists."""
        self.registry = registry
        self.folder = folder
        self._lifecycle = lifecycle
        self._on_reload = on_reload
        self._turn = asyncio.Lock()

    async def load(self, open_bundle: Callable[[Path], ServedModel] | None = None) -> None:
        """Open every bundle of the folder off the event loop, then start them all.

        `open_bundle` is in place of the lifecycle's own. Raises ContractError or ProviderError.
        """
        open_bundle = open_bundle or self._lifecycle.open
        async with self._turn:
            opened = [
                await asyncio.to_thread(open_bundle, bundle)
                for bundle in await asyncio.to_thread(find_bundles, self.folder)
            ]
            self.registry.serve(opened, self._lifecycle.start)

    async def reload(self, name: str, version: str | None = None) -> ReloadAnswer:
        """Serve what the folder now holds under a name, or as one version of it.

        A version that is named is no longer withdrawn. Raises ModelNotReady before the models are
        loaded, ModelNotFound where the name is neither served nor in the folder, and BundlesRefused
        with everything that is wrong.
        """
        choice = Choice(name, version)
        async with self._turn:
            try:
                answer = await self._reload(choice)
            except ContractError as error:
                self._on_reload(name, "refused")
                logger.error("reload of %s refused: %s", choice, error.detail)
                raise BundlesRefused(error.detail, error.errors) from None
        self._on_reload(name, "succeeded")
        logger.info("reload of %s: %s", choice, _summary(answer))
        return answer

    async def _reload(self, choice: Choice) -> ReloadAnswer:
        if not self.registry.models:
            raise ModelNotReady("the models are being loaded; try again")
        bundles = await asyncio.to_thread(self._bundles_of, choice)
        before = choice.of(self.registry.models)
        if not bundles and not before:
            raise ModelNotFound(
                f"model {choice} is neither served nor in {self.folder}; "
                f"put its bundle into {self.folder}/NAME/VERSION and reload"
            )
        now = await self._opened(bundles, before)
        others = [model for model in self.registry.models if model not in before]
        for gone in self.registry.serve([*others, *now], self._lifecycle.start):
            self._lifecycle.retire(gone)
        if choice.version is not None:
            renewed = {model.digest for model in now}
            self.registry.withdraw(choice.name, self.registry.withdrawn(choice.name) - renewed)
        return self._answer(choice.name, before, now)

    def _bundles_of(self, choice: Choice) -> list[Path]:
        bundles = present_bundles(self.folder)
        return [bundle for bundle in bundles if choice.has(*stated_name_and_version(bundle))]

    async def _opened(
        self, bundles: Sequence[Path], before: Sequence[ServedModel]
    ) -> list[ServedModel]:
        """Open the bundles that are new; of those that are open, check that they still hold."""
        now: list[ServedModel] = []
        failures: list[str] = []
        items: list[ErrorDetail] = []
        for bundle in bundles:
            try:
                now.append(await asyncio.to_thread(self._kept_or_opened, bundle, before))
            except VitrineError as error:
                failures.append(error.detail)
                items += _items(bundle, error)
            except Exception as error:  # whatever it is, what was served goes on
                logger.error("%s cannot be opened", bundle, exc_info=error)
                failures.append(f"{bundle} cannot be opened: {error!r}")
        if failures:
            raise ContractError("; ".join(failures), items)
        return now

    def _kept_or_opened(self, bundle: Path, before: Sequence[ServedModel]) -> ServedModel:
        digest = file_digest(bundle / CONTRACT_FILE)
        for model in before:
            if (model.engine.bundle.folder, model.digest) == (bundle, digest):
                read_bundle(bundle)
                return model
        return self._lifecycle.open(bundle)

    def _answer(
        self, name: str, before: Sequence[ServedModel], now: Sequence[ServedModel]
    ) -> ReloadAnswer:
        old = {model.contract.version: model for model in before}
        new = {model.contract.version: model for model in now}
        return ReloadAnswer(
            name=name,
            added=[version_item(model) for version, model in new.items() if version not in old],
            replaced=[
                ReplacedItem(
                    version=version, digest=model.digest, previous_digest=old[version].digest
                )
                for version, model in new.items()
                if version in old and old[version] is not model
            ],
            retired=[version_item(model) for version, model in old.items() if version not in new],
            kept=[
                version_item(model) for version, model in new.items() if old.get(version) is model
            ],
            latest=version_item(self.registry.get(name)) if self.registry.versions(name) else None,
        )


def _summary(answer: ReloadAnswer) -> str:
    changes: dict[str, Sequence[VersionItem | ReplacedItem]] = {
        "added": answer.added,
        "replaced": answer.replaced,
        "retired": answer.retired,
        "kept": answer.kept,
    }
    return "; ".join(
        f"{change} {', '.join(item.version for item in items)}"
        for change, items in changes.items()
        if items
    )


def version_item(model: ServedModel) -> VersionItem:
    """Name a version of a model."""
    return VersionItem(version=model.contract.version, digest=model.digest)


def _items(bundle: Path, error: VitrineError) -> list[ErrorDetail]:
    """Say of each thing that is wrong which bundle it is in: several may be broken."""
    where = f"/{bundle.parent.name}/{bundle.name}/"
    return [
        ErrorDetail(where + item.pointer.removeprefix("/"), item.detail) for item in error.errors
    ]
