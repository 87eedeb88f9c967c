"""Runs the application under uvicorn in this process."""

from __future__ import annotations

import logging
import signal
import sys
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI

from service.app import create_app
from service.connection import connections
from service.drain import close_after_answers
from service.errors import VitrineError
from service.listener import listen, where_to_look
from service.logs import configure_logging
from service.opening import EarlyOpening
from service.settings import Settings

LOCK_SECONDS = 0.0001  # 5 ms in Python


def serve(settings: Settings, early: EarlyOpening | None = None) -> None:
    """Serve until SIGTERM or SIGINT; accepted requests finish within `drain_seconds`.

    Models that are opened `early` are not opened again. Raises InvalidParameter when the address
    cannot be listened on, and the VitrineError that keeps a bundle from being served.
    """
    configure_logging(settings.log_level, settings.log_format)
    share_lock()
    failures: list[VitrineError] = []

    listener = listen(settings.host, settings.port)

    def on_ready() -> None:
        print(where_to_look(listener), flush=True)

    def on_failure(error: VitrineError) -> None:
        failures.append(error)
        server.should_exit = True

    app = create_app(settings, on_ready=on_ready, on_failure=on_failure, early=early)
    server = Server(app, settings)
    signal.signal(signal.SIGTERM, _already_handled)
    server.run(sockets=[listener])
    if failures:
        raise failures[0]


def share_lock() -> None:
    """Let a thread of this process wait less for Python's lock before it asks for it.

    One that has decoded or run keeps its CPU idle while it waits for the event loop.
    """
    sys.setswitchinterval(LOCK_SECONDS)


def server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How uvicorn serves the application, in this process or in a worker."""
    return uvicorn.Config(
        app,
        http=connections(settings),
        ws="none",  # there are no web sockets, whose connections would go without limits
        timeout_keep_alive=settings.keep_alive_seconds,
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.drain_seconds,
    )


class Server(uvicorn.Server):
    """Turns not ready at the first SIGTERM or SIGINT, and drains `drain_delay_seconds` later.

    Each further signal hurries: it ends the delay, then the waiting for accepted requests.
    """

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        super().__init__(server_config(app, settings))
        self.context = app.state.context
        self.delay_seconds = settings.drain_delay_seconds
        self.drains_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note a signal: this runs in the main thread, between two of its instructions."""
        self._captured_signals.append(sig)  # raised again by uvicorn at the end
        self.context.is_draining = True
        close_after_answers(self.server_state)
        if self.drains_at is None and self.delay_seconds:
            self.drains_at = time.monotonic() + self.delay_seconds
        elif self.should_exit:
            self.force_exit = True
        else:
            self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Say whether to stop; uvicorn asks every tenth of a second."""
        if self.drains_at is not None and time.monotonic() >= self.drains_at:
            self.should_exit = True
        is_over = await super().on_tick(counter)
        if self.context.is_draining:
            close_after_answers(self.server_state)
        return is_over


def _already_handled(number: int, frame: FrameType | None) -> None:
    """Let the process exit with 0: uvicorn raises SIGTERM once more when it has drained."""
