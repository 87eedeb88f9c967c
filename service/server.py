"""Runs the application under uvicorn, and says where to look."""

from __future__ import annotations

import logging
import signal
import socket
from types import FrameType

import uvicorn

from service.app import create_app
from service.connection import connections
from service.errors import InvalidParameter, VitrineError
from service.logs import configure_logging
from service.settings import Settings


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; accepted requests finish within `drain_seconds`.

    Raises InvalidParameter when the address cannot be listened on, and the VitrineError that keeps
    a bundle from being served.
    """
    configure_logging(settings.log_level, settings.log_format)
    failures: list[VitrineError] = []

    listener = _listen(settings.host, settings.port)

    def on_ready() -> None:
        print(_where_to_look(listener), flush=True)

    def on_failure(error: VitrineError) -> None:
        failures.append(error)
        server.should_exit = True

    config = uvicorn.Config(
        create_app(settings, on_ready=on_ready, on_failure=on_failure),
        http=connections(settings),
        ws="none",  # there are no web sockets, whose connections would go without limits
        timeout_keep_alive=settings.keep_alive_seconds,
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.drain_seconds,
    )
    server = uvicorn.Server(config)
    signal.signal(signal.SIGTERM, _already_handled)
    server.run(sockets=[listener])
    if failures:
        raise failures[0]


def _already_handled(number: int, frame: FrameType | None) -> None:
    """Let the process exit with 0: uvicorn raises SIGTERM once more when it has drained."""


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((str(address[0]), port), family=family)
    except OSError as error:
        raise InvalidParameter(
            f"{host} port {port} cannot be listened on: {error.strerror or error}; "
            "choose another with --host and --port"
        ) from None


def _where_to_look(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    return (
        f"Vitrine is ready.\n"
        f"  page      {address}/\n"
        f"  API       {address}/docs\n"
        f"  try       curl --data-binary @cat.jpg -H 'Content-Type: image/jpeg' {address}/classify"
    )
