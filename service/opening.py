"""Opens bundles as the settings say; at a start, while the HTTP stack is imported."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from service.budget import cpu_budget
from service.bundle_folder import present_bundles
from service.other_programs import OtherPrograms
from service.registry import open_model
from service.served_model import ServedModel
from service.settings import Settings

OpenBundle = Callable[[Path], ServedModel]


def bundle_opener(settings: Settings, threads: int) -> OpenBundle:
    """Give what opens a bundle as the settings say."""
    return partial(
        open_model,
        others=OtherPrograms.beside(threads, settings.workers),
        provider=settings.provider,
        threads=threads,
        max_batch_size=settings.max_batch_size,
        batch_sizes=settings.batch_sizes,
        precision=settings.precision,
    )


def compute_threads(settings: Settings) -> int:
    """Say how many threads compute: as many as there are CPUs, where nothing else is set."""
    return settings.threads or cpu_budget().cpus


class EarlyOpening:
    """The bundles of a folder, opened one after the other on a thread, from now on.

    Each model is handed over once, so that nothing keeps it when it is no longer served.
    """

    def __init__(self, folder: Path, open_bundle: OpenBundle) -> None:
        self._open = open_bundle
        thread = ThreadPoolExecutor(1, thread_name_prefix="opening")
        self._begun: dict[Path, Future[ServedModel]] = {
            bundle: thread.submit(open_bundle, bundle) for bundle in present_bundles(folder)
        }
        thread.shutdown(wait=False)

    def open(self, bundle: Path) -> ServedModel:
        """Give the model of a bundle, and open it now where that has not begun.

        Raises ContractError or ProviderError, as opening it does.
        """
        begun = self._begun.pop(bundle, None)
        return begun.result() if begun else self._open(bundle)


def open_early(settings: Settings) -> EarlyOpening | None:
    """Begin to open the bundles that the settings name.

    Not where they are watched: a change that comes after the opening and before the first look
    would be missed.
    """
    if settings.watch_seconds:
        return None
    return EarlyOpening(settings.bundles, bundle_opener(settings, compute_threads(settings)))
