"""The address that is listened on, and the lines that say where to look."""

from __future__ import annotations

import socket

from service.errors import InvalidParameter

BACKLOG = 2048  # connections that the system holds until they are accepted, as uvicorn has it


def listen(host: str, port: int) -> socket.socket:
    """Open the listener; raises InvalidParameter when the address cannot be listened on."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((str(address[0]), port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise InvalidParameter(
            f"{host} port {port} cannot be listened on: {error.strerror or error}; "
            "choose another with --host and --port"
        ) from None


def where_to_look(listener: socket.socket) -> str:
    """Say that the service is ready, and how to reach it."""
    host, port = listener.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    return (
        f"Vitrine is ready.\n"
        f"  page      {address}/\n"
        f"  API       {address}/docs\n"
        f"  try       curl --data-binary @cat.jpg -H 'Content-Type: image/jpeg' {address}/classify"
    )
