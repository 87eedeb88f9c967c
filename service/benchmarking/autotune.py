"""Tries settings of the service on this machine: `vitrine benchmark --autotune`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from service.benchmarking.load_process import LoadProcess, load_process
from service.benchmarking.machine import Machine, this_machine
from service.benchmarking.pictures import Picture, usual_jpeg
from service.benchmarking.request import post
from service.benchmarking.rounds import WARM_UP_SECONDS, Progress
from service.benchmarking.sample import Sample
from service.benchmarking.server_process import server_process
from service.benchmarking.stolen import undisturbed
from service.benchmarking.tuning import (
    CALLERS,
    Choice,
    Trial,
    combinations,
    environment_file,
    other_batches,
    trial_table,
    trials,
)
from service.budget import cpu_budget
from service.bundle import read_bundle
from service.bundle_folder import find_bundles
from service.errors import InferenceFailed
from service.settings import Settings

Samples = dict[tuple[Choice, int], list[Sample]]


@dataclass(frozen=True)
class TuningReport:
    """What was tried, the best first."""

    machine: Machine
    bundle: str
    picture: str
    rounds: int
    seconds: float
    trials: list[Trial]

    @property
    def environment(self) -> str:
        """The best settings, as an environment file."""
        best = self.trials[0]
        rates = ", ".join(
            f"{line.images_per_second.median:.0f} images/s at {count} callers"
            for count, line in best.lines.items()
        )
        return environment_file(
            best.choice, f"{self.machine}\nBundle {self.bundle}; {self.picture}: {rates}"
        )

    def __str__(self) -> str:
        sections = [
            str(self.machine),
            f"Bundle {self.bundle}; picture: {self.picture}; {self.rounds} rounds of "
            f"{self.seconds:g} s a figure; score: geometric mean of throughput / best",
            trial_table(self.trials),
        ]
        return "\n\n".join(sections)


def autotune(
    bundles: Path,
    *,
    rounds: int,
    seconds: float,
    progress: Progress,
    picture: Picture | None = None,
    callers: Sequence[int] = CALLERS,
) -> TuningReport:
    """Try workers and threads, then batch sizes with the best of them.

    Each choice is started anew in each round, so that choices share no memory, and a machine that
    slows down does so for all. Raises ContractError for a bundle that cannot be served,
    ModelNotReady when a server ends, InferenceFailed when nothing is answered.
    """
    folder = find_bundles(bundles)[0].resolve()
    contract = read_bundle(folder).contract
    cpus = cpu_budget().cpus
    picture = picture or usual_jpeg()
    samples: Samples = defaultdict(list)
    with load_process() as process:

        def measure(choices: Sequence[Choice]) -> list[Trial]:
            for turn in range(rounds):
                for choice in choices[:: -1 if turn % 2 else 1]:
                    progress(f"round {turn + 1} of {rounds}: {choice}")
                    for count, sample in _try(process, folder, choice, picture, callers, seconds):
                        samples[choice, count].append(sample)
            return trials(samples)

        has_workers = "workers" in Settings.model_fields
        max_batch_size = Settings().max_batch_size
        found = measure(combinations(cpus, max_batch_size, has_workers=has_workers))
        found = measure(other_batches(found[0].choice))
    return TuningReport(
        machine=this_machine(found[0].choice.threads),
        bundle=f"{contract.name} {contract.version}",
        picture=str(picture),
        rounds=rounds,
        seconds=seconds,
        trials=found,
    )


def _try(
    process: LoadProcess,
    folder: Path,
    choice: Choice,
    picture: Picture,
    callers: Sequence[int],
    seconds: float,
) -> list[tuple[int, Sample]]:
    found = []
    with server_process(folder, choice.variables) as server:
        request = post(server.address, "/classify", picture.data)
        process.keep_busy(server.address, request, max(callers), WARM_UP_SECONDS)
        for count in callers:
            load = partial(process.keep_busy, server.address, request, count)
            sample = undisturbed(load, seconds)
            if not sample.latencies_seconds:
                raise InferenceFailed(f"no image was answered with {choice}: {sample.errors}")
            found.append((count, sample))
    return found
