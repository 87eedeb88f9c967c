"""One of several workers: serves the connections that its supervisor hands it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import uvicorn
from fastapi import FastAPI

from service.app import create_app
from service.drain import close_after_answers
from service.errors import VitrineError
from service.launch import SETTINGS_VARIABLE
from service.logs import configure_logging
from service.server import server_config, share_lock
from service.settings import Settings
from service.shared_folder import VARIABLE
from service.shared_metrics import shared_registry, write_metrics_to_files

logger = logging.getLogger("vitrine")
TAKEN_AT_ONCE = 64  # then the connections that are open have their turn
TICKS_BETWEEN_DEPTHS = 5  # half a second


def main() -> NoReturn:
    """Serve as the supervisor says: arguments are the channel's file descriptor and the seat."""
    channel, seat = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    supervisor, shared_folder = os.getppid(), Path(os.environ[VARIABLE])
    settings = Settings.model_validate_json(os.environ[SETTINGS_VARIABLE])
    configure_logging(settings.log_level, settings.log_format)
    share_lock()
    write_metrics_to_files(seat)
    exit_code = work(settings, Channel(channel), shared_folder)
    if os.getppid() != supervisor:  # it was killed, and could not clean up
        shutil.rmtree(shared_folder, ignore_errors=True)
    sys.exit(exit_code)


def work(settings: Settings, channel: Channel, shared_folder: Path) -> int:
    """Serve until the channel ends; give the exit code."""
    failures: list[VitrineError] = []

    def note(error: VitrineError) -> None:
        failures.append(error)
        reason = {"title": error.title, "detail": error.detail, "exit_code": error.exit_code}
        channel.say(failure=reason)

    def on_ready() -> None:
        channel.say(is_ready=True)

    def on_failure(error: VitrineError) -> None:
        note(error)
        server.should_exit = True

    try:
        app = create_app(settings, on_ready=on_ready, on_failure=on_failure)
        app.state.context.metrics.exposed = shared_registry(shared_folder)
        server = WorkerServer(app, settings, channel)
        server.run(sockets=[])
    except VitrineError as error:  # a setting that only the application can judge
        note(error)
    return failures[0].exit_code if failures else 0


class Channel:
    """The worker's end of the channel that `worker_process.py` describes.

    It never blocks: what cannot be said now is said later.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.connection = connection
        self._unsaid = b""

    def say(self, **fields: object) -> None:
        """Tell some fields of Report."""
        self._unsaid += json.dumps(fields).encode() + b"\n"
        self.flush()

    def flush(self) -> bool:
        """Send what was not said yet; true once nothing is left."""
        with suppress(OSError):  # full, or the supervisor is gone, which `take` finds
            while self._unsaid:
                self._unsaid = self._unsaid[self.connection.send(self._unsaid) :]
        return not self._unsaid

    def take(self) -> tuple[list[socket.socket], bool]:
        """Give the connections that have come, and whether more may come."""
        taken: list[socket.socket] = []
        while len(taken) < TAKEN_AT_ONCE:
            try:
                data, descriptors, _, _ = socket.recv_fds(self.connection, 1, 1)
            except BlockingIOError:
                return taken, True
            except OSError:  # the supervisor was killed
                return taken, False
            if not data:
                return taken, False
            taken += [socket.socket(fileno=descriptor) for descriptor in descriptors]
        return taken, True


class WorkerServer(uvicorn.Server):
    """Listens to no address: connections come through the channel, and its end means to drain.

    SIGTERM turns it not ready and tells the supervisor; SIGINT ends the waiting for requests.
    """

    def __init__(self, app: FastAPI, settings: Settings, channel: Channel) -> None:
        super().__init__(server_config(app, settings))
        self.context = app.state.context
        self.channel = channel
        self.taken = 0
        self._said: tuple[int, int, bool] | None = None
        self._joining: set[asyncio.Task[Any]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections."""
        await super().startup(sockets)
        asyncio.get_running_loop().add_reader(self.channel.connection, self._take)
        self.channel.say(is_live=True)

    async def on_tick(self, counter: int) -> bool:
        """Report to the supervisor; uvicorn asks every tenth of a second whether to stop."""
        is_over = await super().on_tick(counter)
        if self.context.is_draining:
            close_after_answers(self.server_state)
        if counter % TICKS_BETWEEN_DEPTHS == 0:
            self.context.record_state()
        self._report()
        return is_over

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what was accepted."""
        self.context.is_draining = True
        asyncio.get_running_loop().remove_reader(self.channel.connection)
        await asyncio.gather(*self._joining, return_exceptions=True)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note a signal: this runs in the main thread, between two of its instructions."""
        self.context.is_draining = True
        close_after_answers(self.server_state)
        if sig == signal.SIGINT:
            self.should_exit = self.force_exit = True

    def _report(self) -> None:
        now = (self.taken, self._open, self.context.is_draining)
        if self.channel.flush() and now != self._said:
            taken, is_open, is_draining = self._said = now
            self.channel.say(taken=taken, open=is_open, is_draining=is_draining)

    @property
    def _open(self) -> int:
        return len(self._joining) + len(self.server_state.connections)

    def _take(self) -> None:
        connections, more = self.channel.take()
        self.taken += len(connections)
        for connection in connections:
            task = asyncio.create_task(self._join(connection))
            self._joining.add(task)
            task.add_done_callback(self._joining.discard)
        self._report()  # before anything is read from them
        if not more:
            asyncio.get_running_loop().remove_reader(self.channel.connection)
            self.should_exit = True

    async def _join(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError):  # the caller left meanwhile
            await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        make: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol
