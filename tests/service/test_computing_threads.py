"""Work that is put is done once, in its order, whatever fails and whenever it all ends."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from service import computing_threads
from service.computing_threads import ComputingThreads
from tests.service.waiting import until

PATIENCE_SECONDS = 20


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What work waits for; it opens at the end, whatever happens."""
    opened = threading.Event()
    yield opened
    opened.set()


def test_one_thread_does_all_in_order() -> None:
    done: list[int] = []
    threads = ComputingThreads(1, "one")
    for number in range(100):
        threads.put(lambda number=number: done.append(number))
    until(lambda: len(done) == 100)
    assert done == list(range(100))
    threads.close()


def test_so_many_work_side_by_side_and_each_begins_once(gate) -> None:
    begun: list[str] = []
    busy: list[str] = []
    threads = ComputingThreads(
        3, "several", begin=lambda: begun.append(threading.current_thread().name)
    )

    def work() -> None:
        busy.append(threading.current_thread().name)
        gate.wait(PATIENCE_SECONDS)

    for _ in range(4):
        threads.put(work)
    until(lambda: len(busy) == 3)
    gate.set()
    until(lambda: len(busy) == 4)
    assert sorted(begun) == sorted(set(busy)) == ["several_0", "several_1", "several_2"]
    threads.close()


def test_work_that_fails_is_logged_and_the_thread_goes_on(caplog) -> None:
    done: list[int] = []
    threads = ComputingThreads(1, "failing")
    threads.put(lambda: 1 // 0)
    threads.put(lambda: done.append(1))
    until(lambda: done)
    threads.close()
    assert "ZeroDivisionError" in caplog.text


def test_what_waits_when_they_are_closed_is_done_and_nothing_more_is_taken(gate) -> None:
    done: list[int] = []
    threads = ComputingThreads(2, "closing")
    for number in range(5):
        threads.put(lambda number=number: gate.wait(PATIENCE_SECONDS) and done.append(number))
    threads.close()
    threads.close()
    with pytest.raises(RuntimeError, match="closed"):
        threads.put(gate.set)
    gate.set()
    until(lambda: len(done) == 5)
    until(lambda: not any(one.name.startswith("closing") for one in threading.enumerate()))
    assert not any(thread.name.startswith("closing") for thread in computing_threads._alive)


def test_threads_that_were_given_no_work_never_begin() -> None:
    threads = ComputingThreads(2, "unused")
    threads.close()
    assert not any(one.name.startswith("unused") for one in threading.enumerate())


def test_a_process_that_ends_finishes_what_was_put_and_waits_for_no_more() -> None:
    """Also where nobody closed the threads."""
    program = (
        "import os, time\n"
        "from service.computing_threads import ComputingThreads\n"
        "threads = ComputingThreads(2, 'left')\n"
        "for number in range(4):\n"
        "    threads.put(lambda number=number: (time.sleep(0.2), os.write(1, b'%d ' % number)))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    assert sorted(ended.stdout.split()) == ["0", "1", "2", "3"]
    assert ended.stderr == ""
