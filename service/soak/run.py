"""Runs callers against a server, and lets things happen to it at their time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from service.benchmarking.connection import Address
from service.benchmarking.rounds import Progress
from service.soak.caller import Caller
from service.soak.kinds import Kind
from service.soak.record import Record

CALLERS = 8


@dataclass(frozen=True)
class Event:
    """Something that happens once a part of the time has passed, from 0 to 1."""

    at: float
    name: str
    happen: Callable[[], object]


@contextmanager
def calling(
    address: Address, kinds: Sequence[Kind], record: Record, callers: int = CALLERS
) -> Iterator[None]:
    """Let callers ask until the block ends and the last of them was answered."""
    is_over = threading.Event()
    threads = [
        threading.Thread(target=Caller(address, kinds, record, seed).run, args=(is_over,))
        for seed in range(callers)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def happen_in_time(events: Sequence[Event], seconds: float, progress: Progress) -> None:
    """Let events happen, each at its part of the time, and wait for the end."""
    started = time.monotonic()
    for event in sorted(events, key=lambda event: event.at):
        time.sleep(max(0.0, started + event.at * seconds - time.monotonic()))
        if event.name:
            progress(f"{event.at:4.0%} {event.name}")
        event.happen()
    time.sleep(max(0.0, started + seconds - time.monotonic()))
