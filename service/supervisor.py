"""Several worker processes behind one listener: `vitrine serve --workers N`.

The supervisor accepts every connection and hands it to the worker that has the fewest. Workers that
accept for themselves do not share the work: the system wakes the one that waited last (of 1,000
callers who came one after the other, three workers got 642, 276 and 82). A listener for each worker
(SO_REUSEPORT) is even by chance, but knows neither who is ready nor who has how much to do.
"""

from __future__ import annotations

import logging
import selectors
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from service.bell import Bell
from service.door import Door
from service.listener import where_to_look
from service.shared_folder import WorkerCounts, forget_live_gauges, write_counts
from service.timers import Timers
from service.worker_process import WorkerProcess

logger = logging.getLogger("vitrine")
INTERRUPTED = 130
LONGEST_PAUSE_SECONDS = 30.0
LINGER_SECONDS = 5.0  # uvicorn closes a connection that was idle for so long
EXIT_SECONDS = 10.0  # to close the models when all is drained; then the worker is killed
REST_SECONDS = 0.05
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class Crew:
    """How many workers to keep, what they find in their environment, and how they may end."""

    workers: int
    environment: Mapping[str, str]
    drain_seconds: float
    drain_delay_seconds: float


@dataclass(frozen=True)
class StartFailure:
    """Why the command ends before any worker was ready."""

    message: str
    exit_code: int


class Supervisor:
    """Keeps the crew complete until it is told to stop.

    Invariant: no worker is started while stopping, and none is left when `run` returns.
    """

    def __init__(self, crew: Crew, listener: socket.socket, folder: Path) -> None:
        self.crew = crew
        self.folder = folder
        self.workers: list[WorkerProcess] = []
        self.failure: StartFailure | None = None
        self._welcome = where_to_look(listener)
        self._was_ready = self._is_stopping = self._is_draining = False
        self._exit_code = 0
        self._restarts = 0
        self._counts = WorkerCounts()
        self._stale: list[WorkerProcess] = []
        self._timers = Timers()
        self._selector = selectors.DefaultSelector()
        self._door = Door(listener, self._selector, self._takers)

    def run(self) -> int:
        """Supervise until every worker has ended; give the exit code."""
        bell = Bell((*STOP_SIGNALS, signal.SIGHUP, signal.SIGCHLD))
        self._selector.register(bell.socket, selectors.EVENT_READ, partial(self._answer, bell))
        for _ in range(self.crew.workers):
            self._start()
        while self.workers or not self._is_stopping:
            self._door.watch()
            self._publish()
            patience = REST_SECONDS if self._door.is_resting else self._timers.seconds_left()
            for key, _ in self._selector.select(patience):
                key.data()
            self._timers.run()
        self._selector.close()
        return self.failure.exit_code if self.failure else self._exit_code

    def _answer(self, bell: Bell) -> None:
        for number in bell.answer():
            if number in STOP_SIGNALS:
                self._stop(number)
            elif number == signal.SIGHUP:
                self._stale = [worker for worker in self.workers if not worker.is_leaving]
                self._roll()
        for worker in [worker for worker in self.workers if worker.process.poll() is not None]:
            self._bury(worker)

    def _start(self, replaces: WorkerProcess | None = None, quick_deaths: int = 0) -> None:
        if self._is_stopping:
            return
        taken = {worker.seat for worker in self.workers}
        seat = next(seat for seat in count(1) if seat not in taken)
        try:
            worker = WorkerProcess(seat, self.crew.environment, quick_deaths)
        except OSError as error:  # no memory or no process is left: those that run go on
            logger.error("no worker can be started: %s", error)
            self._timers.after(LONGEST_PAUSE_SECONDS, lambda: self._start(replaces, quick_deaths))
            return
        worker.replaces = replaces
        self.workers.append(worker)
        self._selector.register(worker.channel, selectors.EVENT_READ, partial(self._hear, worker))

    def _hear(self, worker: WorkerProcess) -> None:
        if worker not in self.workers:  # it was buried since the selector told of its word
            return
        before = worker.report
        if not worker.read_reports():
            self._selector.unregister(worker.channel)
        now = worker.report
        if now.is_ready and not before.is_ready:
            self._welcome_worker(worker)
        if now.is_draining and not (worker.is_leaving or self._is_stopping):
            logger.warning("%s was told to stop; another takes its place", worker)
            self._retire(worker)
            self._start()
        if worker.is_leaving and now.is_draining and not worker.load:
            worker.send_no_more()

    def _welcome_worker(self, worker: WorkerProcess) -> None:
        logger.info("%s is ready", worker)
        if self._ready_count() == self.crew.workers and self._welcome:
            sys.stdout.write(f"{self._welcome}\n")
            sys.stdout.flush()
            self._welcome = ""
        self._was_ready = True
        if worker.replaces in self.workers:
            self._retire(worker.replaces)
        worker.replaces = None
        self._roll()

    def _retire(self, worker: WorkerProcess) -> None:
        """Hand it no more; let callers who keep connections open move, then let it drain."""
        worker.is_leaving = True
        worker.signal(signal.SIGTERM)
        self._timers.after(LINGER_SECONDS, worker.send_no_more)
        self._kill_after(LINGER_SECONDS + self.crew.drain_seconds + EXIT_SECONDS, worker)

    def _kill_after(self, seconds: float, worker: WorkerProcess) -> None:
        def kill() -> None:
            if worker in self.workers:
                logger.error("%s did not end in time and is killed", worker)
                worker.signal(signal.SIGKILL)

        self._timers.after(seconds, kill)

    def _bury(self, worker: WorkerProcess) -> None:
        self.workers.remove(worker)
        with suppress(KeyError):  # its end was heard before
            self._selector.unregister(worker.channel)
        self._door.take_back(worker.close())
        forget_live_gauges(self.folder, worker.seat)
        if not (self._is_stopping or worker.is_leaving):
            self._mourn(worker)
        self._roll()

    def _mourn(self, worker: WorkerProcess) -> None:
        """Put another in the place of one that ended by itself."""
        end = worker.end
        if not self._was_ready and worker.process.returncode > 0:
            self._give_up(worker, end)
        elif worker.replaces in self.workers:
            logger.error("%s %s; %s goes on in its place", worker, end, worker.replaces)
            self._stale = []
        elif not any(one.replaces is worker for one in self.workers):
            deaths = 0 if worker.was_steady else worker.quick_deaths + 1
            pause = min(2.0 ** (deaths - 2), LONGEST_PAUSE_SECONDS) if deaths > 1 else 0.0
            logger.error("%s %s; another starts in %g s", worker, end, pause)
            self._restarts += 1
            self._timers.after(pause, lambda: self._start(quick_deaths=deaths))

    def _roll(self) -> None:
        """Replace the next worker that was there at SIGHUP, if none is being replaced."""
        self._stale = [worker for worker in self._stale if worker in self.workers]
        if self._stale and not any(one.replaces or one.is_leaving for one in self.workers):
            self._start(replaces=self._stale.pop(0))

    def _stop(self, number: int) -> None:
        """Turn not ready, then drain; each further signal hurries."""
        if self._is_draining:
            for worker in self.workers:
                worker.signal(signal.SIGINT)
                self._kill_after(EXIT_SECONDS, worker)
        elif self._is_stopping:
            self._drain()
        else:
            self._is_stopping = True
            self._exit_code = INTERRUPTED if number == signal.SIGINT else 0
            for worker in self.workers:
                worker.signal(signal.SIGTERM)
            self._timers.after(self.crew.drain_delay_seconds, self._drain)

    def _drain(self) -> None:
        if self._is_draining:
            return
        self._is_draining = True
        self._door.close()
        for worker in self.workers:
            worker.send_no_more()
            self._kill_after(self.crew.drain_seconds + EXIT_SECONDS, worker)

    def _give_up(self, worker: WorkerProcess, end: str) -> None:
        reason: Mapping[str, Any] = worker.report.failure or {}
        self.failure = StartFailure(
            f"{reason['title']}: {reason['detail']}" if reason else f"{worker} {end}",
            reason.get("exit_code", worker.process.returncode),
        )
        self._is_stopping = self._is_draining = True
        self._door.close()
        for other in self.workers:
            other.signal(signal.SIGKILL)  # none has begun to serve

    def _takers(self) -> list[WorkerProcess]:
        """Give who may take the next connection, the best first.

        While no worker is ready, those that are starting answer `/health/live`.
        """
        staying = [worker for worker in self.workers if not worker.is_leaving]
        live = [worker for worker in staying if worker.report.is_live]
        takers = [worker for worker in live if worker.report.is_ready] or live
        return sorted(takers, key=lambda worker: (worker.load, worker.given_last))

    def _ready_count(self) -> int:
        return sum(one.report.is_ready and not one.is_leaving for one in self.workers)

    def _publish(self) -> None:
        counts = WorkerCounts(self._ready_count(), self._restarts)
        if counts != self._counts:
            try:
                write_counts(self.folder, counts)
            except OSError as error:  # metrics are no reason to stop serving
                logger.error("%s cannot be written: %s", self.folder, error)
            self._counts = counts
