"""The models that are served: opened, verified, warmed up, and found by name and version."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from service.batching import Batcher, Ran
from service.contract import CONTRACT_FILE, GOLDEN_FILE, Contract, read_bundle
from service.engine import Arrays, Engine, Floats, GraphName, Provider, check_finite
from service.errors import (
    ContractError,
    ErrorDetail,
    InferenceFailed,
    ModelNotFound,
    ModelNotReady,
    Overloaded,
)
from service.explanation.passes import Pass, run_passes_apart
from service.golden import REPLAYS, Golden, replay_classify
from service.preprocess import ImageLimits

OnBatch = Callable[[str, int], None]
Item = TypeVar("Item")


@dataclass(frozen=True)
class Classified:
    """The classify graph's answer for one image: logits [C] and readout [d]."""

    logits: Floats
    readout: Floats


Lane = Literal["classify", "explain", "study"]
PASSES_AT_ONCE = 64  # of one request that wait in the lane study, so that others find room


class ServedModel:
    """A verified model with a queue for each kind of work, its lanes.

    `classify` takes images, `explain` the single passes of quick explanations, `study` the many
    passes of thorough ones, which must not hold up the others. Invariant: one run at a time, on one
    thread of its own, so that runs do not compete for CPUs; the lanes take turns.
    """

    def __init__(self, engine: Engine, golden: Golden) -> None:
        self.engine = engine
        self._golden = golden
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self._verified: set[GraphName] = set()
        self._max_batch_size = 1
        self._studies_left = 0
        self.passes_at_once = PASSES_AT_ONCE
        self._classify: Batcher[Floats, Classified] | None = None
        self._passes: dict[Lane, Batcher[Pass, Arrays]] = {}

    @property
    def contract(self) -> Contract:
        """What the bundle states."""
        return self.engine.bundle.contract

    @property
    def digest(self) -> str:
        """The digest that names these very weights, graphs and rules."""
        return self.engine.bundle.digest

    @property
    def queue_depths(self) -> dict[Lane, int]:
        """What waits for the engine, by lane: images, or passes."""
        return {lane: batcher.depth for lane, batcher in self._lanes.items()}

    @property
    def is_alive(self) -> bool:
        """Whether the queues accept images."""
        return bool(self._lanes) and all(batcher.is_alive for batcher in self._lanes.values())

    @property
    def _lanes(self) -> dict[Lane, Batcher[Any, Any]]:
        return {"classify": self._classify, **self._passes} if self._classify else {}

    def start(
        self, *, max_batch_size: int, max_queue: int, max_passes: int, on_batch: OnBatch
    ) -> None:
        """Open the queues; called on the event loop that will serve them."""
        self._max_batch_size = max_batch_size
        self._classify = Batcher(
            self._run_classify,
            self._executor,
            max_batch_size=max_batch_size,
            max_queue=max_queue,
            on_batch=lambda size: on_batch("classify", size),
        )
        self.passes_at_once = min(PASSES_AT_ONCE, max_passes)
        self._studies_left = max_passes // self.passes_at_once
        limits: dict[Lane, int] = {"explain": max_queue, "study": max_passes}
        self._passes = {
            lane: Batcher(
                self._run_passes,
                self._executor,
                max_batch_size=max_batch_size,
                max_queue=limit,
                what="images" if lane == "explain" else "passes",
                on_batch=partial(on_batch, lane),
            )
            for lane, limit in limits.items()
        }

    async def classify(self, images: Sequence[Floats]) -> list[Ran[Classified]]:
        """Classify images [3, rows, columns] together. Raises what `Batcher.submit` raises."""
        assert self._classify is not None
        return await self._classify.submit(images)

    @contextmanager
    def study(self) -> Iterator[None]:
        """Hold a place for a request whose passes go by the lane `study`, a few at a time.

        Who has one is not refused later. Raises Overloaded when there is none left.
        """
        if not self._studies_left:
            raise Overloaded("as many thorough explanations as may be are under way; try again")
        self._studies_left -= 1
        try:
            yield
        finally:
            self._studies_left += 1

    async def walk(self, passes: Sequence[Pass], lane: Lane) -> list[Ran[Arrays]]:
        """Run passes through the graphs of explanations. Raises what `Batcher.submit` raises."""
        return await self._passes[lane].submit(passes)

    async def close(self) -> None:
        """Finish what was accepted, then stop."""
        for batcher in self._lanes.values():
            await batcher.close()
        self._executor.shutdown(wait=False)

    def _run_classify(self, images: Sequence[Floats]) -> list[Classified | InferenceFailed]:
        inputs = {"pixel_values": np.stack(images)}
        outputs = self.engine.run("classify", inputs, ("logits", "readout"))
        return [
            _classified(*rows) for rows in zip(outputs["logits"], outputs["readout"], strict=True)
        ]

    def _run_passes(self, passes: Sequence[Pass]) -> list[Arrays | InferenceFailed]:
        for graph in {one.graph for one in passes} - self._verified:
            REPLAYS[graph](self.engine, self._golden)
            self._verified.add(graph)
        return run_passes_apart(self.engine, passes, self._max_batch_size)


def _classified(logits: Floats, readout: Floats) -> Classified | InferenceFailed:
    try:
        check_finite({"logits": logits, "readout": readout})
    except InferenceFailed as failure:
        return failure
    return Classified(logits, readout)


def open_model(
    folder: Path,
    *,
    provider: Provider,
    threads: int,
    max_batch_size: int,
) -> ServedModel:
    """Open, verify and warm up one bundle. Raises ContractError or ProviderError."""
    bundle = read_bundle(folder)
    engine = Engine(bundle, provider=provider, threads=threads)
    golden = Golden.load(bundle.path(GOLDEN_FILE))
    replay_classify(engine, golden, ImageLimits())  # an operator's limits are for callers
    shape = (3, *bundle.contract.architecture.image_size)
    for size in {1, max_batch_size}:
        engine.classify(np.zeros((size, *shape), np.float32))
    return ServedModel(engine, golden)


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

    async def close(self) -> None:
        """Close every model."""
        for model in self.models:
            await model.close()


def _name_and_version(model: ServedModel) -> tuple[str, str]:
    return model.contract.name, model.contract.version
