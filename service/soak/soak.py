"""Soaks a service of its own: `vitrine soak`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from service.benchmarking.machine import this_machine
from service.benchmarking.memory import memory
from service.benchmarking.rounds import Progress
from service.benchmarking.server_process import ServerProcess, server_process
from service.bundle import read_bundle
from service.bundle_folder import find_bundles
from service.opening import compute_threads
from service.settings import Settings
from service.soak.circumstances import can_reload, circumstances
from service.soak.incidents import Reloads, kill_worker, workers_of
from service.soak.kinds import kinds
from service.soak.record import Record
from service.soak.report import SoakReport, expected_answers, soak_gates
from service.soak.run import CALLERS, Event, calling, happen_in_time

KILL = 0.04  # of the time: memory counts from when the successor is as warm as the others
FIRST_RELOAD, OTHER_RELOADS = 0.1, 9
WARM = 0.15
MEMORY_LOOKS = 17


@dataclass
class Soaked:
    """A server under test, and what is noted of it."""

    server: ServerProcess
    record: Record = field(default_factory=Record)
    memory_mb: list[float] = field(default_factory=list)

    def look(self) -> None:
        """Note the memory of all its processes."""
        if found := memory(self.server.pid):
            self.memory_mb.append(found.megabytes)

    def kill(self) -> None:
        """Kill one of its workers."""
        kill_worker(self.server.pid, self.record)


def soak(
    bundles: Path, *, seconds: float, workers: int, progress: Progress, callers: int = CALLERS
) -> SoakReport:
    """Serve a copy of the first bundle of a folder for some seconds, and make nothing easy for it.

    Raises ContractError for a bundle that cannot be served, ModelNotReady when the server ends.
    """
    source = find_bundles(bundles)[0].resolve()
    contract = read_bundle(source).contract
    with tempfile.TemporaryDirectory() as name:
        desk = Path(name)
        bundle = desk / "bundles" / contract.name / contract.version
        shutil.copytree(source, bundle)
        given = circumstances(desk, workers)
        with server_process(desk / "bundles", given.environment) as server:
            soaked = Soaked(server)
            reload = Reloads(server.address, contract.name, bundle, given.headers).reload
            has_reloads = can_reload(server.address, given.headers)
            if not has_reloads:
                given.not_exercised.append("reloads: this service has no route for them")
            events = planned(
                soaked,
                partial(reload, soaked.record) if has_reloads else None,
                kills=bool(given.workers),
            )
            host = f"{server.host}:{server.port}"
            asked = kinds(host, given.headers, is_explainable=contract.graphs.explain_all)
            with calling(server.address, asked, soaked.record, callers):
                happen_in_time(events, seconds, progress)
            workers_left = len(workers_of(server.pid))
    return SoakReport(
        machine=this_machine(compute_threads(Settings())),
        bundle=f"{contract.name} {contract.version}",
        seconds=seconds,
        gates=soak_gates(
            soaked.record,
            soaked.memory_mb,
            reloads=1 + OTHER_RELOADS if has_reloads else 0,
            workers=given.workers,
            workers_left=workers_left,
        ),
        answers=soaked.record.answers,
        expected=expected_answers(asked),
        failures=soaked.record.unexcused,
        excused=soaked.record.excused,
        memory_mb=soaked.memory_mb,
        not_exercised=given.not_exercised,
    )


def planned(soaked: Soaked, reload: Callable[[], None] | None, *, kills: bool) -> list[Event]:
    """Say when memory is looked at, a model reloaded, and a worker killed.

    Memory is looked at under load, from when all is warm, everything was asked, and the first
    reload is over, to the end.
    """
    step = (1 - WARM) / MEMORY_LOOKS
    events = [Event(WARM + look * step, "", soaked.look) for look in range(MEMORY_LOOKS + 1)]
    if reload:
        step = (1 - WARM) / (OTHER_RELOADS + 1)
        others = [WARM + step * (0.5 + turn) for turn in range(OTHER_RELOADS)]
        events += [Event(at, "reload", reload) for at in (FIRST_RELOAD, *others)]
    if kills:
        events.append(Event(KILL, "a worker is killed", soaked.kill))
    return events
