"""Measures a served bundle against the same work without a server: `vitrine benchmark`.

Everything is measured in one run and in turns, so that a machine that slows down does so for all
alike; ratios are taken within a round. The service is a `vitrine serve` of its own; its callers,
and the loops without a server, are other processes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from service.benchmarking.load_process import LoadProcess, load_process
from service.benchmarking.machine import this_machine
from service.benchmarking.memory import Memory, memory
from service.benchmarking.pictures import describe, drawn_picture
from service.benchmarking.rendering import rendering
from service.benchmarking.report import Report, figures
from service.benchmarking.request import post
from service.benchmarking.rounds import WARM_UP_SECONDS, Measure, Progress, in_turns
from service.benchmarking.scenario import Scenario, bench
from service.benchmarking.server_process import ServerProcess, server_process
from service.benchmarking.workload import chosen_works, works
from service.bundle import read_bundle
from service.bundle_folder import find_bundles
from service.local import read_picture
from service.opening import compute_threads
from service.settings import Settings


def compare(
    bundles: Path,
    picture: Path | None,
    *,
    rounds: int,
    seconds: float,
    progress: Progress,
    only: Sequence[str] = (),
) -> Report:
    """Measure the first bundle of a folder, each scenario for `seconds` in each of `rounds`.

    `picture` is an image file; one is drawn where none is given. `only` names the works beside
    classify that are measured; all are where none is named. Raises ContractError for a bundle that
    cannot be served, ModelNotReady when the server ends, InferenceFailed when a scenario has no
    success.
    """
    folder = find_bundles(bundles)[0].resolve()
    image = read_picture(picture) if picture else drawn_picture()
    contract = read_bundle(folder).contract
    is_explainable = contract.graphs.explain_all
    asked = chosen_works(works(contract, is_explainable), only)
    machine = this_machine(compute_threads(Settings()))
    with tempfile.TemporaryDirectory() as compiled, load_process() as callers:
        progress("first start")
        with server_process(folder, fresh_bytecode(compiled)) as server:
            first_start = server.ready_seconds
            memories = memory_by_use(callers, server, image, is_explainable)
        progress("second start")
        with server_process(folder, fresh_bytecode(compiled)) as server:
            with bench(folder, callers) as both:
                measures: dict[Scenario, Measure] = {}
                for work in asked:
                    measures |= both.bare(work, image)
                    measures |= both.served(server.address, work, image, work.callers)
                samples = in_turns(measures, rounds, seconds, progress)
            # after the loops have ended: they share the weights' pages, and halve what is counted
            memories["after all loads"] = memory(server.pid)
    return Report(
        machine=machine,
        bundle=f"{contract.name} {contract.version}",
        picture=describe(image, picture.name if picture else "drawn by the command"),
        rounds=rounds,
        seconds=seconds,
        figures=[figures(scenario, samples) for scenario in samples],
        rendering=rendering(rounds, contract.architecture.grid),
        memory={state: held for state, held in memories.items() if held},
        first_start_seconds=first_start,
        second_start_seconds=server.ready_seconds,
    )


def fresh_bytecode(folder: str) -> dict[str, str]:
    """Give the variables that let Python find its compiled bytecode in this folder alone.

    It is empty at the first start, and holds all of it at the second.
    """
    return {"PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}


def memory_by_use(
    process: LoadProcess,
    server: ServerProcess,
    image: bytes,
    is_explainable: bool,
    callers: int = 1,
) -> dict[str, Memory | None]:
    """Look at a server's memory when it is ready, has classified, and has explained."""
    held = {"ready": memory(server.pid)}
    paths = {"classify loaded": "/classify"}
    if is_explainable:
        paths["classify and explain loaded"] = "/explain?method=relevance"
    for state, path in paths.items():
        request = post(server.address, path, image)
        process.keep_busy(server.address, request, callers, WARM_UP_SECONDS)
        held[state] = memory(server.pid)
    return held
