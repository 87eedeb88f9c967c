"""Asks a server's health again and again, as an orchestrator does, while it is under load."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from service.benchmarking.connection import Address

INTERVAL_SECONDS = 0.1
ANSWER_SECONDS = 10.0


@dataclass
class Probes:
    """What each path gave: the time to its answer, and what was not 200."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)


@contextmanager
def probing(
    address: Address, paths: tuple[str, ...] = ("/health/live", "/health/ready")
) -> Iterator[Probes]:
    """Ask each path every INTERVAL_SECONDS over a new connection, until the block ends.

    A first time is not counted: it takes as long as it takes to load what connects.
    """
    probes = Probes({path: [] for path in paths})
    for path in paths:
        _ask(address, path, Probes({path: []}))
    is_over = threading.Event()

    def probe() -> None:
        while not is_over.wait(INTERVAL_SECONDS):
            for path in paths:
                _ask(address, path, probes)

    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    try:
        yield probes
    finally:
        is_over.set()
        thread.join()


def _ask(address: Address, path: str, probes: Probes) -> None:
    started = time.perf_counter()
    connection = http.client.HTTPConnection(*address, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        probes.errors[f"{path}: {type(error).__name__}"] += 1
    else:
        if status != http.client.OK:
            probes.errors[f"{path}: {status}"] += 1
    finally:
        connection.close()
        probes.seconds[path].append(time.perf_counter() - started)
