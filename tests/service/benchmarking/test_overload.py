"""Twice as many requests as a server can answer: accepted, refused, probed, and what it holds."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from service.benchmarking.load_process import load_process
from service.benchmarking.overload import Overload, overload, overload_gates
from service.benchmarking.prober import probing
from service.benchmarking.sample import Sample
from service.benchmarking.server_process import ServerProcess
from tests.service.benchmarking.answering import BUSY, OK, answering


def test_a_server_that_refuses_what_it_cannot_answer_is_overloaded():
    places = asyncio.Semaphore(32)

    async def answer(number: int) -> bytes:
        if b"/health/" in seen.requests[number]:
            return OK
        if places.locked():
            return BUSY
        async with places:
            await asyncio.sleep(0.1)
            return OK

    with answering(answer) as seen, load_process() as callers:
        server = ServerProcess(os.getpid(), *seen.address, ready_seconds=1)
        found = overload(callers, server, b"picture", 0.9, progress=lambda line: None)
    assert found.capacity.errors == {}
    assert found.overload.errors.keys() == {"503"}
    assert len(found.overload.refusals_seconds) == found.overload.errors["503"] > 10
    assert all(latency >= 0.1 for latency in found.overload.latencies_seconds)
    assert found.probes_seconds.keys() == {"/health/live", "/health/ready"}
    assert min(map(len, found.probes_seconds.values())) > 2
    assert found.probe_errors == {}
    assert len(found.memory_mb) == 3


def test_goals_of_an_overload():
    found = Overload(
        capacity=Sample((0.1,) * 10, 1),
        reference=Sample((0.1,) * 10, 1),
        overload=Sample((0.12,) * 10, 1, {"503": 10}, (0.03,) * 10),
        probes_seconds={"/health/live": (0.001, 0.04)},
        probe_errors={},
        memory_mb=(100, 104, 110),
    )
    assert [(gate.measured, gate.is_met) for gate in overload_gates(found)] == [
        (pytest.approx(1.2), True),
        (pytest.approx(30), False),
        (pytest.approx(40), True),
        (pytest.approx(1.1), False),
    ]


def test_each_path_is_asked_once_before_probes_count():
    async def answer(number: int) -> bytes:
        return OK

    with answering(answer) as seen:
        with probing(seen.address) as probes:
            while not probes.seconds["/health/ready"]:
                time.sleep(0.02)
        counted = sum(map(len, probes.seconds.values()))
        assert len(seen.requests) == counted + 2


def test_a_probe_that_fails_is_counted():
    async def busy(number: int) -> bytes:
        return BUSY if b"/health/ready" in seen.requests[number] else b""

    with answering(busy) as seen, probing(seen.address) as probes:
        while len(probes.seconds["/health/ready"]) < 2:
            time.sleep(0.02)
    assert probes.errors["/health/ready: 503"] >= 2
    assert probes.errors["/health/live: RemoteDisconnected"] >= 2
