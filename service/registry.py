"""The models that are served: opened, verified, warmed up, and found by name and version."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import numpy as np

from service.batch_sizes import BatchSizes
from service.bundle import read_bundle
from service.bundle_folder import by_name_latest_first
from service.contract import GOLDEN_FILE
from service.decoding import ImageLimits
from service.engine import Engine
from service.errors import (
    ContractError,
    ErrorDetail,
    ModelNotFound,
    ModelNotReady,
    NothingToRollBackTo,
)
from service.freed_memory import give_back_freed_memory
from service.golden import Golden, replay_classify
from service.other_programs import OtherPrograms
from service.precision import PrecisionSetting, choose_precision
from service.served_model import LONG_SECONDS, ServedModel
from service.session import Provider

logger = logging.getLogger("vitrine")


def open_model(
    folder: Path,
    *,
    provider: Provider,
    threads: int,
    max_batch_size: int,
    batch_sizes: Iterable[int] = (),
    precision: PrecisionSetting = "fp32",
    others: OtherPrograms | None = None,
) -> ServedModel:
    """Open, verify and warm up one bundle, every batch size of it.

    `batch_sizes` are those to run. Where none are given, the usual ones up to `max_batch_size`, as
    far as they are worthwhile on this machine. Threads stay awake between runs while `others` leave
    them the CPUs, but for a precision that is measured. Raises ContractError or ProviderError.
    """
    bundle = read_bundle(folder)
    if precision == "auto":  # two engines are measured in turns, and would disturb each other
        others = None
    engine, choice = choose_precision(
        precision,
        lambda name: Engine(
            bundle, provider=provider, threads=threads, precision=name, others=others
        ),
        max_batch_size,
    )
    golden = Golden.load(bundle.path(GOLDEN_FILE))
    replay_classify(engine, golden, ImageLimits())  # an operator's limits are for callers
    image_seconds = _image_seconds(engine)
    sizes = BatchSizes.of(batch_sizes, pads=not engine.is_on_cpu)
    if not batch_sizes:
        sizes = _usual_sizes(engine, max_batch_size, image_seconds)
    warm_up(engine, sizes)
    if not batch_sizes and engine.is_on_cpu:
        sizes = sizes.without_slower(partial(cpu_seconds, engine))
    return ServedModel(engine, golden, sizes, choice, image_seconds)


def _image_seconds(engine: Engine) -> float:
    """Give a CPU's time for one image on one thread, 0 where none computes."""
    if not engine.is_on_cpu:
        return 0.0
    cpu_seconds(engine, 1)  # the first run takes longer
    return cpu_seconds(engine, 1)


def _usual_sizes(engine: Engine, largest: int, image_seconds: float) -> BatchSizes:
    """Give those up to the largest; of a model that takes long, while they make it faster."""
    sizes = BatchSizes.up_to(largest, pads=not engine.is_on_cpu)
    if image_seconds > LONG_SECONDS:
        return sizes.while_faster(partial(cpu_seconds, engine))
    return sizes


def warm_up(engine: Engine, sizes: BatchSizes) -> None:
    """Run every batch size once, so that no caller waits for memory or kernels.

    Further copies run the largest alone: in its memory all others fit, and kernels are the same.
    """
    shape = engine.image_shape
    engine.classify(np.zeros((1, *shape), np.float32))
    for copy in range(engine.copies):
        with engine.on_copy(copy):
            for size in (sizes.largest,) if copy else reversed(sizes.allowed):
                engine.classify(np.zeros((size, *shape), np.float32), threads=1)


def cpu_seconds(engine: Engine, size: int) -> float:
    """Give the CPU time of an image in a batch of a size, run on one thread.

    Others that keep the machine busy change it little.
    """
    images = np.zeros((size, *engine.image_shape), np.float32)
    with engine.on_copy(0):
        started = time.thread_time()
        engine.classify(images, threads=1)
        return (time.thread_time() - started) / size


class Registry:
    """The models served, by name and version; a request that names none gets the default.

    Invariants: a model is found here only after its digests, golden replay and warm-up; what is
    found changes all at once; a model that left is closed when its last holder let it go.
    """

    def __init__(self, default_model: str = "") -> None:
        self._default = default_model
        self._models: dict[tuple[str, str], ServedModel] = {}
        self._offered: dict[str, ServedModel] = {}  # to who names no version, by name
        self._withdrawn: dict[str, frozenset[str]] = {}  # digests, by the model's name
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def models(self) -> list[ServedModel]:
        """Every model, by name and then version, the latest version of a name first."""
        return list(self._models.values())

    @property
    def is_ready(self) -> bool:
        """Whether every model is open and its queues accept images."""
        return bool(self._models) and all(model.is_alive for model in self.models)

    def serve(
        self, models: Sequence[ServedModel], start: Callable[[ServedModel], None]
    ) -> list[ServedModel]:
        """Serve these models from now on, and give those that are served no longer.

        The new ones are started first. Those that leave are closed in the background. Raises
        ContractError, and nothing changes, when these cannot be served together.
        """
        checked, before = self._checked(models), self.models
        for model in models:
            if model not in before:
                start(model)
        self._models = checked
        self._offer()
        gone = [model for model in before if model not in models]
        for model in gone:
            self._let_leave(model)
        return gone

    def _checked(self, opened: Sequence[ServedModel]) -> dict[tuple[str, str], ServedModel]:
        models: dict[tuple[str, str], ServedModel] = {}
        for model in by_name_latest_first(opened, _name_and_version):
            key = _name_and_version(model)
            if key in models:
                raise ContractError(
                    f"{model.engine.bundle.folder} and {models[key].engine.bundle.folder} are both "
                    f"{key[0]} version {key[1]}; remove one"
                )
            models[key] = model
        names = sorted({name for name, _ in models})
        if not names:
            raise ContractError("no model would be left to serve; put a bundle into the folder")
        if self._default and self._default not in names:
            raise ContractError(
                f"default_model {self._default!r} is not served; there are {', '.join(names)}"
            )
        return models

    def _let_leave(self, model: ServedModel) -> None:
        leaving = asyncio.get_running_loop().create_task(_close(model))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    def get(self, name: str | None = None, version: str | None = None) -> ServedModel:
        """Find a model; no version means the latest of that name that is not withdrawn.

        Raises ModelNotReady while loading, ModelNotFound with what there is.
        """
        if not self._models:
            raise ModelNotReady("the models are being loaded; try again")
        wanted = name or self._default or next(iter(self._models))[0]
        if version is None:
            model = self._offered.get(wanted)
        else:
            model = self._models.get((wanted, version))
        if model:
            return model
        served = ", ".join(f"{found} {found_version}" for found, found_version in self._models)
        asked = f"{wanted} version {version}" if version else wanted
        detail = f"model {asked} is not served; there are {served}"
        raise ModelNotFound(detail, [ErrorDetail("model", detail)])

    def versions(self, name: str) -> list[ServedModel]:
        """Every version of a model that is served, the latest first."""
        return [model for (found, _), model in self._models.items() if found == name]

    def lease(
        self, name: str | None = None, version: str | None = None
    ) -> AbstractContextManager[ServedModel]:
        """Find a model and keep it open until the block ends. Raises what `get` raises."""
        return self.get(name, version).held()

    def is_withdrawn(self, model: ServedModel) -> bool:
        """Whether a model answers only requests that name its version."""
        return model.digest in self.withdrawn(model.contract.name)

    def _is_offered(self, model: ServedModel) -> bool:
        return not self.is_withdrawn(model)

    def _offer(self) -> None:
        """Work out which version of each model answers where none is named."""
        of_name = {name: self.versions(name) for name, _ in self._models}
        self._offered = {
            name: next(filter(self._is_offered, versions), versions[0])
            for name, versions in of_name.items()
        }

    def withdrawn(self, name: str) -> frozenset[str]:
        """Give the digests of a model's versions that are withdrawn."""
        return self._withdrawn.get(name, frozenset())

    def withdraw(self, name: str, digests: frozenset[str]) -> None:
        """Withdraw the versions of a model that have these digests, and no others of it."""
        self._withdrawn[name] = digests
        self._offer()

    def roll_back(self, name: str) -> ServedModel:
        """Withdraw the version that answers unless another is named, and give it.

        Raises ModelNotReady, ModelNotFound, and NothingToRollBackTo where no older one is there.
        """
        newest = self.get(name)
        older = [model for model in self.versions(name) if self._is_offered(model)][1:]
        if not older:
            raise NothingToRollBackTo(
                f"{name} {newest.contract.version} is the only version of {name} to answer; put "
                "the bundle to go back to into the folder of bundles, as a version of its own, and "
                "reload"
            )
        self.withdraw(name, self.withdrawn(name) | {newest.digest})
        return newest

    async def close(self) -> None:
        """Close every model, those that are leaving too."""
        for model in self.models:
            await model.close()
        await asyncio.gather(*self._leaving)


async def _close(model: ServedModel) -> None:
    named = " ".join(_name_and_version(model))
    try:
        await model.close()
    except Exception as error:  # whatever it is, the others are served
        logger.error("model %s cannot be closed", named, exc_info=error)
    del model  # so that its memory is free now
    await asyncio.to_thread(give_back_freed_memory)


def _name_and_version(model: ServedModel) -> tuple[str, str]:
    return model.contract.name, model.contract.version
