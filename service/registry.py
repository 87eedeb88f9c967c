"""The models that are served: opened, verified, warmed up, and found by name and version."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np

from service.contract import CONTRACT_FILE, GOLDEN_FILE, read_bundle
from service.engine import Engine, Provider
from service.errors import (
    ContractError,
    ErrorDetail,
    ModelNotFound,
    ModelNotReady,
)
from service.golden import Golden, replay_classify
from service.precision import PrecisionSetting, choose_precision
from service.preprocess import ImageLimits
from service.served_model import ServedModel

Item = TypeVar("Item")


def open_model(
    folder: Path,
    *,
    provider: Provider,
    threads: int,
    max_batch_size: int,
    precision: PrecisionSetting = "fp32",
) -> ServedModel:
    """Open, verify and warm up one bundle. Raises ContractError or ProviderError."""
    bundle = read_bundle(folder)
    engine, choice = choose_precision(
        precision,
        lambda name: Engine(bundle, provider=provider, threads=threads, precision=name),
        max_batch_size,
    )
    golden = Golden.load(bundle.path(GOLDEN_FILE))
    replay_classify(engine, golden, ImageLimits())  # an operator's limits are for callers
    shape = (3, *bundle.contract.architecture.image_size)
    for size in {1, max_batch_size}:
        engine.classify(np.zeros((size, *shape), np.float32))
    return ServedModel(engine, golden, choice)


def by_name_latest_first(
    items: Iterable[Item], name_and_version: Callable[[Item], tuple[str, str]]
) -> list[Item]:
    """Sort by name, and within a name from the latest version to the oldest."""
    latest_first = sorted(
        items, key=lambda item: _version_order(name_and_version(item)[1]), reverse=True
    )
    return sorted(latest_first, key=lambda item: name_and_version(item)[0])


def _version_order(version: str) -> list[tuple[int, int, str]]:
    """Order 1 < 1.1 < 2-rc1 < 2 < 10: numbers by value, what follows a hyphen before its end."""
    ends, hyphen, text, number = 1, 0, 2, 3
    parts = re.findall(r"\d+|\D+", version)
    ranked = [
        (number, int(part), "")
        if part.isdigit()
        else (hyphen if part.startswith("-") else text, 0, part)
        for part in parts
    ]
    return [*ranked, (ends, 0, "")]


def find_bundles(folder: Path) -> list[Path]:
    """Give the bundles of a folder: NAME/VERSION with a contract, or the folder itself.

    They come by name, the latest version of a name first.

    Raises ContractError when there is none.
    """
    if (folder / CONTRACT_FILE).is_file():
        return [folder]
    found = [path.parent for path in folder.glob(f"[!.]*/[!.]*/{CONTRACT_FILE}")]
    if not found:
        raise ContractError(
            f"{folder} holds no bundle; expected NAME/VERSION/{CONTRACT_FILE}, "
            "as 'vitrine-model export' writes it"
        )
    return by_name_latest_first(found, lambda path: (path.parent.name, path.name))


class Registry:
    """The models served, by name and version; a request that names none gets the default.

    Invariant: a model is found here only after its digests, golden replay and warm-up.
    """

    def __init__(self, default_model: str = "") -> None:
        self._default = default_model
        self._models: dict[tuple[str, str], ServedModel] = {}

    @property
    def models(self) -> list[ServedModel]:
        """Every model, by name and then version, the latest version of a name first."""
        return list(self._models.values())

    @property
    def is_ready(self) -> bool:
        """Whether every model is open and its queues accept images."""
        return bool(self._models) and all(model.is_alive for model in self.models)

    async def load(
        self,
        folder: Path,
        open_bundle: Callable[[Path], ServedModel],
        start: Callable[[ServedModel], None],
    ) -> None:
        """Open every bundle of a folder off the event loop, then start them all.

        Raises ContractError or ProviderError.
        """
        opened = [
            await asyncio.to_thread(open_bundle, path)
            for path in await asyncio.to_thread(find_bundles, folder)
        ]
        models = self._checked(opened)
        for model in opened:
            start(model)
        self._models = models

    def _checked(self, opened: list[ServedModel]) -> dict[tuple[str, str], ServedModel]:
        models: dict[tuple[str, str], ServedModel] = {}
        for model in by_name_latest_first(opened, _name_and_version):
            key = _name_and_version(model)
            if key in models:
                raise ContractError(
                    f"{model.engine.bundle.folder} and {models[key].engine.bundle.folder} are both "
                    f"{key[0]} version {key[1]}; remove one"
                )
            models[key] = model
        names = [name for name, _ in models]
        if self._default and self._default not in names:
            raise ContractError(
                f"default_model {self._default!r} is not served; there are {', '.join(names)}"
            )
        return models

    def get(self, name: str | None = None, version: str | None = None) -> ServedModel:
        """Find a model; no version means the latest of that name.

        Raises ModelNotReady while loading, ModelNotFound with what there is.
        """
        if not self._models:
            raise ModelNotReady("the models are being loaded; try again")
        wanted = name or self._default or next(iter(self._models))[0]
        for (found, found_version), model in self._models.items():
            if found == wanted and version in (None, found_version):
                return model
        served = ", ".join(f"{found} {found_version}" for found, found_version in self._models)
        asked = f"{wanted} version {version}" if version else wanted
        detail = f"model {asked} is not served; there are {served}"
        raise ModelNotFound(detail, [ErrorDetail("model", detail)])

    @contextmanager
    def lease(self, name: str | None = None, version: str | None = None) -> Iterator[ServedModel]:
        """Find a model and keep it open until the block ends. Raises what `get` raises."""
        with self.get(name, version).held() as model:
            yield model

    async def close(self) -> None:
        """Close every model."""
        for model in self.models:
            await model.close()


def _name_and_version(model: ServedModel) -> tuple[str, str]:
    return model.contract.name, model.contract.version
