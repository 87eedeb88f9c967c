"""Several worker processes behind one listener."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client import Gauge
from prometheus_client.multiprocess import MultiProcessCollector

from service.budget import cpu_budget
from service.contract import CONTRACT_FILE
from service.launch import settings_of_a_worker
from service.metrics import Metrics
from service.settings import Settings
from tests.service.live import PATIENCE_SECONDS, VITRINE, Command, command
from tests.service.pictures import draw, encode
from tests.service.test_lifecycle import head_of_request, is_refused, until

PNG = encode(draw())
PAUSE_SECONDS = 0.01  # of a caller, so that new workers find a CPU to start on
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="looks at processes through /proc"
)


def workers_of(server: Command) -> list[int]:
    pid = server.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def shared_folder_of(worker: int) -> Path:
    environment = Path(f"/proc/{worker}/environ").read_text().split("\0")
    return Path(dict(line.split("=", 1) for line in environment if line)["VITRINE_SHARED_FOLDER"])


def connect(server: Command) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(*server.host_and_port, timeout=PATIENCE_SECONDS)
    connection.connect()
    return connection


def classify(connection: http.client.HTTPConnection) -> int:
    connection.request("POST", "/classify", PNG, {"Content-Type": "image/png"})
    response = connection.getresponse()
    response.read()
    return response.status


def metric(server: Command, name: str) -> float:
    """Sum a metric over its labels, as any of the workers tells it."""
    with closing(connect(server)) as connection:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    return sum(map(float, re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)))


def answered_by_each(server: Command) -> Counter[str]:
    """Count the requests that each seat has answered."""
    counted: Counter[str] = Counter()
    folder = shared_folder_of(workers_of(server)[0]) / "metrics"
    for file in folder.glob("counter_*.db"):
        for found in MultiProcessCollector.merge([str(file)]):
            if found.name == "vitrine_requests":
                counted[file.stem] = int(sum(sample.value for sample in found.samples))
    return counted


def worker_that_holds(server: Command, caller: socket.socket) -> int:
    """Find the worker that has the other end of a connection."""
    local, remote = caller.getpeername()[1], caller.getsockname()[1]
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inode = next(
        row[9]
        for row in rows
        if (int(row[1].split(":")[1], 16), int(row[2].split(":")[1], 16)) == (local, remote)
    )
    return next(
        worker
        for worker in workers_of(server)
        for descriptor in Path(f"/proc/{worker}/fd").iterdir()
        if descriptor.is_symlink() and os.readlink(descriptor) == f"socket:[{inode}]"
    )


class Caller(threading.Thread):
    """Classifies again and again; keeps the codes, and the error that ended it."""

    def __init__(self, server: Command, *, keeps_open: bool) -> None:
        super().__init__()
        self.connection = connect(server)
        self.keeps_open = keeps_open
        self.codes: list[int] = []
        self.error: Exception | None = None
        self.is_told_to_stop = False

    def run(self) -> None:
        try:
            while not self.is_told_to_stop:
                self.codes.append(classify(self.connection))
                if not self.keeps_open:
                    self.connection.close()
                time.sleep(PAUSE_SECONDS)
        except (OSError, http.client.HTTPException) as error:
            self.error = error


@contextmanager
def calling(*callers: Caller) -> Iterator[None]:
    for caller in callers:
        caller.start()
    try:
        until(lambda: all(caller.codes or caller.error for caller in callers))
        yield
    finally:
        for caller in callers:
            caller.is_told_to_stop = True
        for caller in callers:
            caller.join(PATIENCE_SECONDS)
            caller.connection.close()


@pytest.fixture(scope="module")
def crew(tiny_bundles: Path) -> Iterator[Command]:
    """Two workers that the tests leave serving."""
    with command(tiny_bundles, "--workers", "2") as server:
        yield server
        folder = shared_folder_of(workers_of(server)[0])
        assert server.terminate() == 0
        assert not folder.exists()


def test_callers_who_connect_one_after_the_other_are_spread_evenly(crew: Command) -> None:
    before = answered_by_each(crew)
    for _ in range(40):
        httpx.get(f"{crew.address}/health/live", headers={"Connection": "close"})
    spread = answered_by_each(crew) - before
    assert len(spread) == 2
    assert min(spread.values()) >= 15


def test_connections_that_stay_open_are_spread_evenly(crew: Command) -> None:
    callers = [connect(crew) for _ in range(8)]
    until(lambda: all(classify(caller) == 200 for caller in callers))
    spread = Counter(worker_that_holds(crew, caller.sock) for caller in callers)
    for caller in callers:
        caller.close()
    assert sorted(spread.values()) in ([4, 4], [3, 5])


def test_the_supervisor_holds_no_model_and_no_http_stack(crew: Command) -> None:
    assert crew.peak_memory_bytes() < 40_000_000


def test_any_worker_tells_the_metrics_of_all(crew: Command) -> None:
    before = metric(crew, "vitrine_predicted_total")
    for _ in range(6):
        with closing(connect(crew)) as connection:
            assert classify(connection) == 200
    assert [metric(crew, "vitrine_predicted_total") - before for _ in range(4)] == [6] * 4
    assert metric(crew, "vitrine_workers") == 2
    assert metric(crew, "vitrine_model_info") == 1
    until(lambda: metric(crew, "vitrine_requests_in_flight") == 1)  # the others have ended by then


def test_every_gauge_says_how_the_values_of_workers_become_one() -> None:
    gauges = [value for value in vars(Metrics()).values() if isinstance(value, Gauge)]
    assert {gauge._multiprocess_mode for gauge in gauges} <= {"livesum", "livemax"}


def test_a_killed_worker_takes_only_its_own_connections_and_is_replaced(crew: Command) -> None:
    restarts = metric(crew, "vitrine_worker_restarts_total")
    callers = [Caller(crew, keeps_open=True) for _ in range(6)]
    for caller in callers:
        assert classify(caller.connection) == 200
        caller.connection.auto_open = 0
    held_by = {caller: worker_that_holds(crew, caller.connection.sock) for caller in callers}
    victim = workers_of(crew)[0]
    with calling(*callers):
        counted = metric(crew, "vitrine_predicted_total")
        os.kill(victim, signal.SIGKILL)
        until(lambda: metric(crew, "vitrine_worker_restarts_total") == restarts + 1)
        until(lambda: metric(crew, "vitrine_workers") == 2)
    assert {caller for caller in callers if caller.error} == {
        caller for caller, worker in held_by.items() if worker == victim
    }
    assert {code for caller in callers for code in caller.codes} == {200}
    answered = sum(len(caller.codes) for caller in callers)
    assert metric(crew, "vitrine_predicted_total") >= max(counted, answered)
    assert victim not in workers_of(crew)
    until(lambda: metric(crew, "vitrine_requests_in_flight") == 1)  # the others have ended by then


def test_a_rolling_restart_replaces_every_worker_and_fails_no_request(crew: Command) -> None:
    first, second = workers_of(crew)
    counted = metric(crew, "vitrine_predicted_total")
    callers = [Caller(crew, keeps_open=keeps_open) for keeps_open in (True, True, False, False)]
    with calling(*callers):
        crew.process.send_signal(signal.SIGHUP)
        until(lambda: first not in workers_of(crew))
        until(lambda: second not in workers_of(crew))
    assert [caller.error for caller in callers] == [None] * 4
    assert {code for caller in callers for code in caller.codes} == {200}
    answered = sum(len(caller.codes) for caller in callers)
    assert metric(crew, "vitrine_predicted_total") == counted + answered


def test_a_worker_that_is_told_to_stop_by_itself_is_replaced(crew: Command) -> None:
    told, stays = workers_of(crew)
    caller = Caller(crew, keeps_open=True)
    with calling(caller):
        os.kill(told, signal.SIGTERM)
        until(lambda: told not in workers_of(crew) and len(workers_of(crew)) == 2)
    assert (caller.error, set(caller.codes)) == (None, {200})
    assert stays in workers_of(crew)
    until(lambda: metric(crew, "vitrine_workers") == 2)


def half_a_request(server: Command) -> socket.socket:
    caller = socket.create_connection(server.host_and_port, timeout=PATIENCE_SECONDS)
    caller.sendall(head_of_request("/classify", len(PNG)))
    assert b"100 Continue" in caller.recv(1000)
    return caller


def rest_of_the_answer(caller: socket.socket) -> bytes:
    with caller:
        caller.sendall(PNG)
        return b"".join(iter(lambda: caller.recv(65536), b""))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_readiness_turns_503_before_the_listener_closes_and_what_was_accepted_finishes(
    tiny_bundles: Path, workers: str
) -> None:
    options = ("--workers", workers, "--drain-delay-seconds", str(PATIENCE_SECONDS))
    with command(tiny_bundles, *options) as server:
        callers = [half_a_request(server) for _ in range(4)]
        server.process.send_signal(signal.SIGTERM)
        until(lambda: httpx.get(f"{server.address}/health/ready").status_code == 503)
        assert httpx.get(f"{server.address}/health/ready").json()["status"] == "draining"
        response = httpx.post(f"{server.address}/classify", content=PNG)
        assert (response.status_code, response.headers["connection"]) == (200, "close")
        server.process.send_signal(signal.SIGTERM)  # the delay need not pass
        until(lambda: is_refused(server.host_and_port))
        answers = [rest_of_the_answer(caller) for caller in callers]
        assert [answer[:12] for answer in answers] == [b"HTTP/1.1 200"] * 4
        assert server.process.wait(PATIENCE_SECONDS) == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_signals_that_follow_hurry_past_the_delay_and_past_what_was_accepted(
    tiny_bundles: Path, workers: str
) -> None:
    options = ("--drain-delay-seconds", "999", "--drain-seconds", "999")
    with (
        command(tiny_bundles, "--workers", workers, *options) as server,
        half_a_request(server),
    ):
        server.process.send_signal(signal.SIGTERM)
        until(lambda: httpx.get(f"{server.address}/health/ready").status_code == 503)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: is_refused(server.host_and_port))
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE_SECONDS) == 0


def test_workers_whose_supervisor_is_killed_finish_what_they_accepted_and_end(
    tiny_bundles: Path,
) -> None:
    with command(tiny_bundles, "--workers", "2") as server:
        workers = workers_of(server)
        folder = shared_folder_of(workers[0])
        caller = half_a_request(server)
        server.process.kill()
        assert rest_of_the_answer(caller).startswith(b"HTTP/1.1 200")
        until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))
        assert not folder.exists()


def spoil(folder: Path) -> None:
    contract = json.loads((folder / CONTRACT_FILE).read_text())
    (folder / CONTRACT_FILE).write_text(json.dumps(contract | {"labels": ["cat"]}))


def test_a_bundle_that_breaks_later_keeps_one_worker_from_its_place_and_the_other_serves(
    copy_bundle, tmp_path: Path
) -> None:
    folder = copy_bundle()
    with command(tmp_path / "bundles", "--workers", "2") as server:
        sound = (folder / CONTRACT_FILE).read_bytes()
        spoil(folder)
        os.kill(workers_of(server)[0], signal.SIGKILL)
        until(lambda: metric(server, "vitrine_worker_restarts_total") >= 2)
        assert httpx.post(f"{server.address}/classify", content=PNG).status_code == 200
        (folder / CONTRACT_FILE).write_bytes(sound)
        until(lambda: metric(server, "vitrine_workers") == 2)
        assert server.terminate() == 0


def test_a_broken_bundle_stops_the_command_as_it_does_with_one_worker(copy_bundle) -> None:
    folder = copy_bundle()
    spoil(folder)
    ends = [
        subprocess.run(
            [VITRINE, "serve", "--port", "0", "--bundles", folder, "--workers", workers],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        for workers in ("1", "2")
    ]
    assert [end.returncode for end in ends] == [78, 78]
    last_lines = {end.stderr.splitlines()[-1] for end in ends}
    assert len(last_lines) == 1
    assert last_lines.pop().startswith("vitrine: Broken bundle")


@pytest.mark.parametrize(
    ("settings", "threads"),
    [
        (Settings(workers=1), cpu_budget().cpus),
        (Settings(workers=cpu_budget().cpus), 1),
        (Settings(workers=1000), 1),
        (Settings(workers=2, threads=3), 3),
    ],
)
def test_workers_share_the_cpus_unless_threads_are_set(settings: Settings, threads: int) -> None:
    of_a_worker = Settings.model_validate_json(settings_of_a_worker(settings))
    assert of_a_worker == settings.model_copy(update={"threads": threads})
