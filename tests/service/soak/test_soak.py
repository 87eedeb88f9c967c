"""`vitrine soak`: what it sends, what it notices, and what it excuses."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time

import pytest

from service.benchmarking.request import post
from service.settings import Settings
from service.soak import caller
from service.soak.caller import Caller
from service.soak.incidents import Reloads, kill_worker, workers_of
from service.soak.kinds import Kind
from service.soak.record import UNANSWERED, Failure, Loss, Record
from service.soak.report import soak_gates
from service.soak.run import Event, calling, happen_in_time
from service.soak.soak import soak
from tests.service.benchmarking.answering import BUSY, HANG_UP, OK, after, answering

REQUEST = post(("127.0.0.1", 80), "/classify", b"picture")
GOOD = Kind("good", REQUEST, "200")


def ask(address, *kinds: Kind) -> Record:
    """Let one caller ask one thing after another."""
    record = Record()
    asking = Caller(address, kinds, record, seed=0)
    for kind in kinds:
        asking.ask(kind)
    asking._hang_up()
    return record


def test_a_short_soak_finds_every_answer_as_it_must_be(tiny_bundles):
    report = soak(tiny_bundles, seconds=3, workers=2, progress=lambda line: None)
    assert report.failures == []
    assert report.answers.keys() >= {"JPEG", "explain", "sent slowly", "too many bytes"}
    for kind, found in report.answers.items():
        expected = report.expected[kind]
        answers = {answer for answer in found if not answer.startswith(UNANSWERED)}  # excused ones
        assert answers <= {"left" if expected == "nobody waits" else expected}
    assert len(report.memory_mb) > 10
    missing = " ".join(report.not_exercised)
    for field, told in (("workers", "a killed worker"), ("api_keys_file", "keys")):
        assert (told in missing) == (field not in Settings.model_fields)
    assert "| JPEG " in str(report)


def test_one_dropped_request_is_noticed():
    async def drop_one(number: int) -> bytes:
        return HANG_UP if number == 7 else OK

    record = Record()
    with answering(drop_one) as seen, calling(seen.address, [GOOD], record, callers=3):
        happen_in_time([], 0.4, progress=lambda line: None)
    assert record.unexcused_count == 1
    assert record.answers["good"]["unanswered: connection closed"] == 1
    assert record.answers["good"]["200"] == len(seen.requests) - 1
    gates = soak_gates(record, [], reloads=0, workers=0, workers_left=0)
    assert [gate.is_met for gate in gates] == [False]


def test_a_request_that_gets_no_answer_is_noticed(monkeypatch):
    monkeypatch.setattr(caller, "ANSWER_SECONDS", 0.1)
    with answering(after(5)) as seen:
        record = ask(seen.address, GOOD)
    assert record.answers == {"good": {"unanswered": 1}}
    assert record.unexcused_count == 1


def test_another_status_is_a_failure():
    with answering(after(0, BUSY)) as seen:
        record = ask(seen.address, GOOD)
    assert [failure.found for failure in record.unexcused] == ["503"]


def test_who_leaves_expects_no_answer_and_a_slow_sender_does():
    async def answer(number: int) -> bytes:
        await asyncio.sleep(0)
        return OK

    slow = Kind("slow", REQUEST, "200", "slowly")
    half, unread = Kind("half", REQUEST, "", "half"), Kind("unread", REQUEST, "", "unread")
    with answering(answer) as seen:
        record = ask(seen.address, half, slow, unread)
        while len(seen.requests) < 2:
            time.sleep(0.01)
    assert record.answers == {"half": {"left": 1}, "slow": {"200": 1}, "unread": {"left": 1}}
    assert seen.requests == [REQUEST, REQUEST]


def test_a_connection_is_kept_and_made_anew_where_the_server_closed_it():
    async def answer(number: int) -> bytes:
        return OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") if number == 1 else OK

    with answering(answer) as seen:
        record = ask(seen.address, *[GOOD] * 4)
    assert record.answers == {"good": {"200": 4}}
    assert seen.connections == 2


@pytest.mark.parametrize(
    ("is_broken", "connected", "ended", "is_excused"),
    [(True, 1, 6, True), (True, 5.5, 9, True), (True, 1, 4, False), (True, 7, 8, False),
     (False, 1, 6, False)],
)  # fmt: skip
def test_a_killed_worker_excuses_the_connections_of_its_time(
    is_broken, connected, ended, is_excused
):
    record = Record()
    record.lose(Loss(killed=5, gone=6))
    record.fail(Failure("good", "unanswered", is_broken, connected, ended))
    assert (len(record.excused), record.unexcused_count) == (is_excused, not is_excused)


def test_a_worker_is_killed_and_its_parent_stays():
    code = (
        "import subprocess, sys; "
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE); "
        "print('started', flush=True); sys.stdin.read(); child.stdin.close(); print(child.wait())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        parent.stdout.readline()
        record = Record()
        assert kill_worker(parent.pid, record)
        assert parent.poll() is None
        told, _ = parent.communicate("")
    assert told == "-9\n"
    assert workers_of(parent.pid) == []
    assert not kill_worker(parent.pid, record)


def test_a_reload_finds_a_bundle_that_looks_changed_and_sends_the_key(tmp_path):
    file = tmp_path / "contract.json"
    file.write_text("{}")
    os.utime(file, (0, 0))
    record = Record()
    with answering(after(0)) as seen:
        Reloads(seen.address, "tiny", tmp_path, ["Authorization: Bearer abc"]).reload(record)
    assert seen.requests[0].startswith(b"POST /models/tiny/reload HTTP/1.1\r\n")
    assert b"Authorization: Bearer abc\r\n" in seen.requests[0]
    assert file.stat().st_mtime > 1
    assert record.answers == {"reload": {"200": 1}}


def test_a_refused_reload_is_a_failure_and_missing_ones_are_told():
    record = Record()
    record.fail(Failure("reload", "409", False, 1, 2))
    gates = {
        gate.name: gate
        for gate in soak_gates(record, [100, 107], reloads=10, workers=2, workers_left=1)
    }
    assert not any(gate.is_met for gate in gates.values())
    assert gates["reloads that succeeded"].measured == 0
    assert gates["memory, end / warm"].measured == 1.07


def test_events_happen_in_their_order():
    order: list[str] = []
    events = [
        Event(at, name, lambda name=name: order.append(name)) for at, name in ((0.5, "b"), (0, "a"))
    ]
    happen_in_time(events, 0.05, progress=order.append)
    assert order == ["  0% a", "a", " 50% b", "b"]
