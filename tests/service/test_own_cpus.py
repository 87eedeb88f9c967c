"""A thread that computes has a CPU of its own, and the event loop goes on where one has done."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.app import WAITING_THREADS, create_app
from service.benchmarking.load_process import load_process
from service.benchmarking.request import post
from service.benchmarking.server_process import server_process
from service.doctor.processors import processors
from service.own_cpus import OwnCpus, own_cpus
from service.settings import Settings
from tests.service.on_cores import PATIENCE_SECONDS, play
from tests.service.pictures import draw, encode
from tests.service.waiting import until

CPUS = frozenset(os.sched_getaffinity(0)) if sys.platform == "linux" else frozenset()

pytestmark = pytest.mark.skipif(len(CPUS) < 2, reason="needs Linux, and two CPUs to choose from")


def where(thread: int = 0) -> frozenset[int]:
    return frozenset(os.sched_getaffinity(thread))


async def on_each_core(cores, on_all=False):
    """Do work on all threads at the same time, and say where each may run."""
    all_there = threading.Barrier(cores.number, timeout=PATIENCE_SECONDS)
    found, is_over = [], asyncio.Event()

    def work():
        all_there.wait()
        return where()

    def done(cpus):
        found.append(cpus)
        if len(found) == cores.number:
            is_over.set()

    for _ in range(cores.number):
        cores.submit(work, done, on_all=on_all)
    await is_over.wait()
    return found


@pytest.mark.parametrize(
    ("threads", "processes", "expected"),
    [
        (len(CPUS), 1, CPUS),
        (len(CPUS) + 1, 1, frozenset()),
        (1, 1, frozenset()),
        (len(CPUS), 2, frozenset()),
    ],
)
def test_cpus_are_a_process_s_own_where_they_are_as_many_as_its_threads(
    threads, processes, expected
) -> None:
    assert own_cpus(threads, processes) == expected


def test_the_doctor_says_whether_each_thread_has_a_cpu() -> None:
    told = [processors(Settings(threads=threads))[1] for threads in (len(CPUS), 1)]
    assert [check.facts["cpu_for_each"] for check in told] == [True, False]
    assert "a CPU each" in told[0].found
    assert "a CPU each" not in told[1].found


def test_each_thread_computes_on_a_cpu_of_its_own_and_the_loop_may_go_anywhere() -> None:
    found = play(on_each_core, len(CPUS), OwnCpus(CPUS))
    assert sorted(map(sorted, found)) == [[cpu] for cpu in sorted(CPUS)]
    until(lambda: where() == CPUS)


def test_work_on_all_cpus_may_use_each_of_them_also_after_work_on_one() -> None:
    async def use(cores):
        await on_each_core(cores)
        return await on_each_core(cores, on_all=True)

    together = play(use, len(CPUS), OwnCpus(CPUS))
    assert together == [CPUS] * len(CPUS)


def test_threads_are_left_to_the_system_where_there_are_no_own_cpus() -> None:
    assert set(play(on_each_core, len(CPUS))) == {CPUS}


def test_a_thread_is_woken_on_the_cpu_of_who_has_done_and_is_free_afterwards() -> None:
    loop_thread, own = threading.get_native_id(), OwnCpus(CPUS)
    at_its_wake, mine = [], []

    def work():
        own.stay()
        mine.append(where())
        own.bring(loop_thread, lambda: at_its_wake.append(where(loop_thread)))

    working = threading.Thread(target=work)
    working.start()
    working.join()
    assert at_its_wake == mine
    assert len(mine[0]) == 1
    assert where() == CPUS


@contextmanager
def brought() -> Iterator[None]:
    """Make the calling thread one that is brought to a CPU and not let go yet."""
    os.sched_setaffinity(0, {min(CPUS)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, CPUS)


def test_threads_begin_on_every_cpu_also_when_one_that_is_brought_starts_them() -> None:
    async def start_each_kind(cores):
        with brought(), cores.thread_pool(1, "other") as pool:
            computing = await on_each_core(cores, on_all=True)
            return [*computing, pool.submit(where).result(PATIENCE_SECONDS)]

    assert play(start_each_kind, len(CPUS), OwnCpus(CPUS)) == [CPUS] * (len(CPUS) + 1)


def test_threads_that_load_and_draw_begin_on_every_cpu_whoever_starts_them(tiny_bundle) -> None:
    async def start_both_kinds() -> list[frozenset[int]]:
        app = create_app(Settings(bundles=tiny_bundle, threads=len(CPUS)))
        async with app.router.lifespan_context(app):
            with brought():
                waiting = [asyncio.to_thread(where) for _ in range(WAITING_THREADS)]
                drawing = app.state.context.in_thread(where)
                return await asyncio.gather(*waiting, drawing)

    assert asyncio.run(start_both_kinds()) == [CPUS] * (WAITING_THREADS + 1)


def test_where_the_system_refuses_work_is_done_all_the_same(monkeypatch, caplog) -> None:
    def refuse(thread, cpus):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    with caplog.at_level(logging.WARNING, "vitrine"):
        found = play(on_each_core, len(CPUS), OwnCpus(CPUS))
    assert set(found) == {CPUS}
    assert [record.getMessage() for record in caplog.records] == [
        "threads stay where the system puts them: [Errno 1] Operation not permitted"
    ]


def test_a_service_under_load_keeps_its_computing_threads_apart_and_its_loop_free(
    tiny_bundle: Path,
) -> None:
    def kept_beside_the_loop(server: int) -> list[frozenset[int]]:
        beside = {int(thread) for thread in os.listdir(f"/proc/{server}/task")} - {server}
        return [cpus for cpus in map(where, beside) if cpus != CPUS]

    as_many, seen = {"VITRINE_THREADS": str(len(CPUS))}, []
    with (
        load_process() as callers,
        server_process(tiny_bundle, as_many) as server,
        ThreadPoolExecutor(1) as looking_on,
    ):
        request = post(server.address, "/classify", encode(draw()))
        calls = looking_on.submit(callers.keep_busy, server.address, request, callers=8, seconds=1)
        while not calls.done():
            seen.append(kept_beside_the_loop(server.pid))
            time.sleep(0.01)
        answered = calls.result()
        until(lambda: where(server.pid) == CPUS)
    assert not answered.errors
    assert max(map(len, seen)) >= 2  # eight callers, two at once or more
    for kept in seen:
        assert {len(cpus) for cpus in kept} <= {1}
        assert len(set(kept)) == len(kept)
