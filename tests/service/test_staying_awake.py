"""Threads stay awake between the runs of lone images, while other programs leave them the CPUs."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from service.bundle import read_bundle
from service.engine import Engine
from service.errors import ModelNotReady
from service.session import AWAKE_MICROSECONDS, SPIN_MICROSECONDS
from service.sessions import SessionKey
from tests.service.waiting import PATIENCE_SECONDS, until

CPUS = frozenset(os.sched_getaffinity(0)) if sys.platform == "linux" else frozenset()
IMAGE = np.zeros((1, 3, 32, 32), np.float32)
TASKS = Path("/proc/self/task")

pytestmark = pytest.mark.skipif(len(CPUS) < 2, reason="needs Linux, and two CPUs")


@pytest.fixture
def others() -> SimpleNamespace:
    return SimpleNamespace(leave_cpus=True, cpus=CPUS, users=set())


@pytest.fixture
def engine(tiny_bundle, others) -> Iterator[Engine]:
    engine = Engine(read_bundle(tiny_bundle), provider="cpu", threads=2, others=others)
    yield engine
    engine.close()


def has_opened() -> bool:
    """Whether no session is being opened any more."""
    return not [thread for thread in threading.enumerate() if thread.name == "opening"]


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
    assert [key for key in engine._sessions.opened if key.awake] == [
        SessionKey("classify", 2, awake=True)
    ]
    alone = Engine(read_bundle(tiny_bundle), provider="cpu", threads=2)
    assert spins(alone) == SPIN_MICROSECONDS


def test_nobody_waits_for_the_other_session_and_it_is_opened_once(
    engine, others, monkeypatch
) -> None:
    may_open, opened, open_session = threading.Event(), [], engine._sessions._open

    def open_late(key):
        opened.append(key)
        assert may_open.wait(PATIENCE_SECONDS)
        return open_session(key)

    monkeypatch.setattr(engine._sessions, "_open", open_late)
    others.leave_cpus = False
    try:
        for _ in range(3):
            engine.classify(IMAGE)
            assert spins(engine) == AWAKE_MICROSECONDS
        until(lambda: opened)
    finally:
        may_open.set()
    until(lambda: spins(engine) == SPIN_MICROSECONDS)
    assert opened == [SessionKey("classify", 2)]


def test_a_session_that_cannot_be_opened_is_told_once_and_the_other_goes_on(
    engine, others, monkeypatch, caplog
) -> None:
    def fail(key):
        raise MemoryError

    monkeypatch.setattr(engine._sessions, "_open", fail)
    others.leave_cpus = False
    with caplog.at_level(logging.ERROR, logger="vitrine"):
        engine.classify(IMAGE)
        until(has_opened)
        engine.classify(IMAGE)
        until(has_opened)
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
    until(has_opened)
    own = set(os.listdir(TASKS)) - before
    assert own
    assert {frozenset(os.sched_getaffinity(int(thread))) for thread in own} == {CPUS}


def test_an_engine_closes_at_once_while_a_session_is_opened_and_keeps_none(
    engine, others, monkeypatch
) -> None:
    begun, may_go_on, open_session = threading.Event(), threading.Event(), engine._sessions._open

    def open_late(key):
        begun.set()
        assert may_go_on.wait(PATIENCE_SECONDS)
        return open_session(key)

    monkeypatch.setattr(engine._sessions, "_open", open_late)
    others.leave_cpus = False
    try:
        engine.classify(IMAGE)
        assert begun.wait(PATIENCE_SECONDS)
        engine.close()
        assert not others.users
    finally:
        may_go_on.set()
    until(has_opened)
    assert not engine._sessions.opened
    with pytest.raises(ModelNotReady):
        engine.classify(IMAGE)


def test_a_folder_that_holds_another_model_by_now_gives_no_session(
    tiny_bundle, others, tmp_path, caplog
) -> None:
    folder = tmp_path / "served"
    shutil.copytree(tiny_bundle, folder)
    engine = Engine(read_bundle(folder), provider="cpu", threads=2, others=others)
    logits = engine.classify(IMAGE).logits
    contract = folder / "contract.json"
    contract.write_text(contract.read_text().replace("CPU", "cpu") + "\n")
    assert read_bundle(folder).digest != engine.bundle.digest
    others.leave_cpus = False
    engine.classify(IMAGE)
    until(has_opened)
    np.testing.assert_array_equal(engine.classify(IMAGE).logits, logits)
    assert [key.awake for key in engine._sessions.opened] == [True]
    assert "cannot be opened" in caplog.text
    engine.close()
