"""What happens to a server during a soak: its models are reloaded, and a worker is killed."""

from __future__ import annotations

import http.client
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service.benchmarking.connection import Address
from service.benchmarking.memory import PROCESSES, process_tree
from service.soak.record import UNANSWERED, Failure, Loss, Record

RELOAD = "reload"
RELOAD_SECONDS = 60.0
GONE_SECONDS = 10.0


@dataclass(frozen=True)
class Reloads:
    """How a model is reloaded: its name, its bundle, and the headers that it takes."""

    address: Address
    model: str
    bundle: Path
    headers: Sequence[str]

    def reload(self, record: Record) -> None:
        """Let the bundle look changed, and ask for a reload; record the answer."""
        for file in self.bundle.iterdir():
            os.utime(file)
        started = time.monotonic()
        headers = dict(line.split(": ", 1) for line in self.headers)
        connection = http.client.HTTPConnection(*self.address, timeout=RELOAD_SECONDS)
        try:
            connection.request("POST", f"/models/{self.model}/reload", headers=headers)
            status = str(connection.getresponse().status)
        except (OSError, http.client.HTTPException) as error:
            status = f"{UNANSWERED}: {error!r}"
        finally:
            connection.close()
        if status == "200":
            record.count(RELOAD, status)
        else:
            record.fail(Failure(RELOAD, status, False, started, time.monotonic()))


def workers_of(pid: int, processes: Path = PROCESSES) -> list[int]:
    """List the processes that a server started."""
    return process_tree(pid, processes)[1:]


def kill_worker(pid: int, record: Record) -> bool:
    """Kill one process that a server started, as the system does when memory is short.

    Gives whether there was one. Connections that break from now until it is gone are excused.
    """
    workers = workers_of(pid)
    if not workers:
        return False
    killed = time.monotonic()
    os.kill(workers[-1], signal.SIGKILL)
    while _is_running(workers[-1]) and time.monotonic() - killed < GONE_SECONDS:
        time.sleep(0.01)  # nobody but its parent is told of its end
    record.lose(Loss(killed, time.monotonic()))
    return True


def _is_running(pid: int) -> bool:
    try:
        state = (PROCESSES / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
