"""Runs the application under uvicorn, and says where to look."""

from __future__ import annotations

import logging
import signal
from types import FrameType

import uvicorn

from service.app import create_app
from service.errors import VitrineError
from service.settings import Settings

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; accepted requests finish within `drain_seconds`.

    Raises the VitrineError that keeps a bundle from being served.
    """
    logging.basicConfig(level=settings.log_level.upper(), format=LOG_FORMAT)
    failures: list[VitrineError] = []

    def on_ready() -> None:
        print(_where_to_look(server), flush=True)

    def on_failure(error: VitrineError) -> None:
        failures.append(error)
        server.should_exit = True

    config = uvicorn.Config(
        create_app(settings, on_ready=on_ready, on_failure=on_failure),
        host=settings.host,
        port=settings.port,
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.drain_seconds,
    )
    server = uvicorn.Server(config)
    signal.signal(signal.SIGTERM, _already_handled)
    server.run()
    if failures:
        raise failures[0]


def _already_handled(number: int, frame: FrameType | None) -> None:
    """Let the process exit with 0: uvicorn raises SIGTERM once more when it has drained."""


def _where_to_look(server: uvicorn.Server) -> str:
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    return (
        f"Vitrine is ready.\n"
        f"  page      {address}/\n"
        f"  API       {address}/docs\n"
        f"  try       curl --data-binary @cat.jpg -H 'Content-Type: image/jpeg' {address}/classify"
    )
