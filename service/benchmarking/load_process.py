"""The process that asks: one of its own, so that its work is not that of who measures."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial

from service.benchmarking.closed_loop import keep_busy
from service.benchmarking.connection import Address
from service.benchmarking.open_loop import Schedule, arrivals, keep_coming
from service.benchmarking.sample import Sample

CONNECTIONS = 512


class LoadProcess:
    """A process that puts load on servers, one load after another."""

    def __init__(self, executor: ProcessPoolExecutor) -> None:
        self._executor = executor

    def keep_busy(
        self,
        address: Address,
        request: bytes,
        callers: int,
        seconds: float,
        *,
        connect_each: bool = False,
    ) -> Sample:
        """Let callers send their next request when the last was answered."""
        load = partial(
            keep_busy,
            address,
            request,
            callers=callers,
            seconds=seconds,
            connect_each=connect_each,
        )
        return self._executor.submit(load).result()

    def keep_coming(
        self,
        address: Address,
        request: bytes,
        per_second: float,
        seconds: float,
        *,
        schedule: Schedule = "poisson",
        connections: int = CONNECTIONS,
        connect_each: bool = False,
    ) -> Sample:
        """Send requests on a schedule, whether or not the server keeps up."""
        load = partial(
            keep_coming,
            address,
            request,
            due=arrivals(schedule, per_second, seconds),
            connections=connections,
            connect_each=connect_each,
        )
        return self._executor.submit(load).result()


@contextmanager
def load_process() -> Iterator[LoadProcess]:
    """Start a process for loads until the block ends."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        yield LoadProcess(executor)
