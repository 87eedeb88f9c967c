"""Threads stay awake between the runs of lone images, while other programs leave them the CPUs."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from service.bundle import read_bundle
from service.engine import Engine, SessionKey
from service.errors import ModelNotReady
from service.session import AWAKE_MICROSECONDS, SPIN_MICROSECONDS
from tests.service.waiting import until

CPUS = frozenset(os.sched_getaffinity(0)) if sys.platform == "linux" else frozenset()
IMAGE = np.zeros((1, 3, 32, 32), np.float32)
TASKS = Path("/proc/self/task")

pytestmark = pytest.mark.skipif(len(CPUS) < 2, reason="needs Linux, and two CPUs")


@pytest.fixture
def others() -> SimpleNamespace:
    return SimpleNamespace(leave_cpus=True, cpus=CPUS)


@pytest.fixture
def engine(tiny_bundle, others) -> Iterator[Engine]:
    engine = Engine(read_bundle(tiny_bundle), provider="cpu", threads=2, others=others)
    yield engine
    engine.close()


def spins(engine: Engine) -> int:
    """Say how long a thread of a lone run looks for work, in microseconds."""
    return int(engine.options.get_session_config_entry("session.intra_op.spin_duration_us"))


def test_threads_stay_awake_while_others_leave_the_cpus(engine, others) -> None:
    first = engine.classify(IMAGE).logits
    assert spins(engine) == AWAKE_MICROSECONDS
    others.leave_cpus = False
    np.testing.assert_allclose(engine.classify(IMAGE).logits, first, atol=1e-4)
    until(lambda: spins(engine) == SPIN_MICROSECONDS)
    np.testing.assert_allclose(engine.classify(IMAGE).logits, first, atol=1e-4)
    others.leave_cpus = True
    assert spins(engine) == AWAKE_MICROSECONDS


def test_where_others_are_busy_at_first_threads_stay_awake_later(tiny_bundle, others) -> None:
    others.leave_cpus = False
    engine = Engine(read_bundle(tiny_bundle), provider="cpu", threads=2, others=others)
    assert spins(engine) == SPIN_MICROSECONDS
    others.leave_cpus = True
    until(lambda: spins(engine) == AWAKE_MICROSECONDS)


def test_threads_of_other_runs_never_stay_awake(engine, tiny_bundle) -> None:
    engine.classify(IMAGE, threads=1)
    engine.run("attend", {"pixel_values": IMAGE, "keep": np.arange(16)[None]}, ["logits"])
    assert [key for key in engine._sessions if key.awake] == [SessionKey("classify", 2, awake=True)]
    alone = Engine(read_bundle(tiny_bundle), provider="cpu", threads=2)
    assert spins(alone) == SPIN_MICROSECONDS


def test_nobody_waits_for_the_other_session_and_it_is_opened_once(
    engine, others, monkeypatch
) -> None:
    may_open, opened, open_session = threading.Event(), [], engine._open

    def open_late(key):
        opened.append(key)
        may_open.wait()
        return open_session(key)

    monkeypatch.setattr(engine, "_open", open_late)
    others.leave_cpus = False
    for _ in range(3):
        engine.classify(IMAGE)
        assert spins(engine) == AWAKE_MICROSECONDS
    until(lambda: opened)
    may_open.set()
    until(lambda: spins(engine) == SPIN_MICROSECONDS)
    assert opened == [SessionKey("classify", 2)]


def test_a_session_that_cannot_be_opened_is_told_once_and_the_other_goes_on(
    engine, others, monkeypatch, caplog
) -> None:
    def fail(key):
        raise MemoryError

    monkeypatch.setattr(engine, "_open", fail)
    others.leave_cpus = False
    with caplog.at_level(logging.ERROR, logger="vitrine"):
        engine.classify(IMAGE)
        until(lambda: caplog.records)
        engine.classify(IMAGE)
    (record,) = caplog.records
    assert "another session of" in record.getMessage()
    assert spins(engine) == AWAKE_MICROSECONDS


def test_a_session_begun_by_a_thread_kept_on_one_cpu_may_use_all(engine, others) -> None:
    before = set(os.listdir(TASKS))

    def begin() -> None:
        os.sched_setaffinity(0, {min(CPUS)})
        engine.classify(IMAGE)

    others.leave_cpus = False
    beginning = threading.Thread(target=begin)
    beginning.start()
    beginning.join()
    until(lambda: spins(engine) == SPIN_MICROSECONDS)
    own = set(os.listdir(TASKS)) - before
    assert own
    assert {frozenset(os.sched_getaffinity(int(thread))) for thread in own} == {CPUS}


def test_a_session_that_is_begun_is_not_left_behind_by_an_engine_that_closes(
    engine, others, monkeypatch
) -> None:
    begun, may_go_on, opened = threading.Event(), threading.Event(), engine._opened

    def open_late(key):
        begun.set()
        may_go_on.wait()
        return opened(key)

    monkeypatch.setattr(engine, "_opened", open_late)
    others.leave_cpus = False
    engine.classify(IMAGE)
    begun.wait()
    engine.close()
    may_go_on.set()
    until(lambda: not [one for one in threading.enumerate() if one.name == "opening"])
    assert not engine._sessions
    with pytest.raises(ModelNotReady):
        engine.classify(IMAGE)
