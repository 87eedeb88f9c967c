"""Whether other programs leave the CPUs, as Linux counts it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.opening import bundle_opener
from service.other_programs import BUSY_LOOKS, LOOK_SECONDS, MOST_TAKEN, OtherPrograms
from service.settings import Settings
from tests.service.waiting import until

TICKS = os.sysconf("SC_CLK_TCK") if sys.platform == "linux" else 100
WORKS_ON = "while True: pass"


class Machine:
    """Two CPUs among four, as a file like /proc/stat tells of them, and a process on them."""

    def __init__(self, folder: Path) -> None:
        self.now = self.own = 0.0
        self.idle, self.low, self.waits = [0.0] * 4, [0.0] * 4, [0.0] * 4
        self.file = folder / "stat"
        self._write()
        self.others = OtherPrograms({1, 3}, self.file, lambda: self.own, lambda: self.now)

    def pass_by(self, seconds: float, own: float = 0.0, others: float = 0.0, **counted) -> bool:
        """Let seconds pass, of which some of a CPU's were used, and say what is told then.

        The rest is idle on CPU 3, but for what is `low` priority or `waits` for a disk; CPUs 0 and
        2 are as busy as can be.
        """
        self.now += seconds
        self.own += own
        self.idle[3] += 2 * seconds - own - others - sum(counted.values())
        for name, amount in counted.items():
            getattr(self, name)[1] += amount
        self._write()
        return self.others.leave_cpus

    def _write(self) -> None:
        lines = ["cpu  9 9 9 9 9 9 9 9 0 0"]
        for number in range(4):
            low, idle, waits = (
                round(one[number] * TICKS) for one in (self.low, self.idle, self.waits)
            )
            lines.append(f"cpu{number} 7 {low} 7 {idle} {waits} 7 7 7 0 0")
        self.file.write_text("\n".join([*lines, "intr 1 2 3", "ctxt 5"]))


@pytest.fixture
def machine(tmp_path) -> Machine:
    return Machine(tmp_path)


def test_cpus_are_left_until_others_are_seen_to_take_them_and_again_afterwards(machine) -> None:
    assert machine.others.leave_cpus
    seen = [machine.pass_by(1, others=1) for _ in range(BUSY_LOOKS + 1)]
    assert seen == [True] * (BUSY_LOOKS - 1) + [False] * 2
    assert machine.pass_by(1)


def test_what_they_did_in_a_pause_and_do_no_longer_does_not_count(machine) -> None:
    assert machine.pass_by(2, others=2)  # as it starts
    for _ in range(3):
        assert machine.pass_by(60, others=100)
        assert machine.pass_by(1, own=1)


@pytest.mark.parametrize(
    ("used", "is_left"),
    [
        ({"own": 2}, True),
        ({"own": 1, "others": MOST_TAKEN + 0.05}, False),
        ({"own": 1, "others": MOST_TAKEN - 0.05}, True),
        ({"low": 1}, True),
        ({"waits": 1}, True),
    ],
    ids=["ours", "more than a little", "a little", "low priority", "waiting for a disk"],
)
def test_what_others_take_is_what_is_neither_idle_nor_ours(machine, used, is_left) -> None:
    seen = [machine.pass_by(1, **used) for _ in range(BUSY_LOOKS)]
    assert seen[-1] == is_left


def test_two_users_are_left_no_cpus_unless_one_soon_goes(machine) -> None:
    users = [Machine, Path]
    machine.others.users.update(users)
    seen = [machine.pass_by(1) for _ in range(BUSY_LOOKS)]
    assert seen == [True] * (BUSY_LOOKS - 1) + [False]
    machine.others.users.discard(users[0])
    assert machine.pass_by(1)


def test_it_is_looked_up_no_more_often_than_it_changes(machine) -> None:
    taken = LOOK_SECONDS * 1.1
    for _ in range(BUSY_LOOKS - 1):
        machine.pass_by(taken, others=taken)
    assert machine.pass_by(LOOK_SECONDS * 0.9, others=LOOK_SECONDS * 0.9)
    assert not machine.pass_by(LOOK_SECONDS * 0.2)


def test_where_looking_takes_long_it_is_done_rarely(machine) -> None:
    class Slow(type(machine.file)):
        def read_text(self) -> str:
            machine.now += 0.005
            return super().read_text()

    machine.others = OtherPrograms(
        {1, 3}, Slow(machine.file), lambda: machine.own, lambda: machine.now
    )
    for _ in range(BUSY_LOOKS - 1):
        machine.pass_by(6, others=6)
    assert machine.pass_by(4, others=4)
    assert not machine.pass_by(2, others=2)


@pytest.mark.parametrize("content", [None, "", "cpu1 a b c d e", "cpu1 1 2"])
def test_counters_that_cannot_be_read_or_stand_still_tell_of_taken_cpus(machine, content) -> None:
    if content is None:
        machine.file.unlink()
    else:
        machine.file.write_text(content)
    for _ in range(BUSY_LOOKS):
        machine.now += 1
        is_left = machine.others.leave_cpus
    assert not is_left
    unknown = OtherPrograms({1, 3}, machine.file, lambda: machine.own, lambda: machine.now)
    for _ in range(BUSY_LOOKS):
        machine.now += 1
        is_left = unknown.leave_cpus
    assert not is_left


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone counts so")
def test_a_program_that_works_is_seen_on_this_machine() -> None:
    others = OtherPrograms(os.sched_getaffinity(0))
    assert others.leave_cpus
    with subprocess.Popen([sys.executable, "-c", WORKS_ON]) as working:
        try:
            until(lambda: not others.leave_cpus)
        finally:
            working.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no CPUs of their own")
@pytest.mark.parametrize(("workers", "is_looked"), [(1, True), (2, False)])
def test_others_are_looked_at_where_threads_have_cpus_of_their_own(workers, is_looked) -> None:
    threads = len(os.sched_getaffinity(0))
    if threads < 2:
        pytest.skip("needs two CPUs")
    opener = bundle_opener(Settings(workers=workers), threads)
    assert (opener.keywords["others"] is not None) == is_looked  # type: ignore[attr-defined]
