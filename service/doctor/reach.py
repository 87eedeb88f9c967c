"""Whether the service could listen: the address, the open files, and the folder workers share."""

from __future__ import annotations

import http.client
import json
import shutil
import sys
from collections.abc import Iterator

from service.doctor.check import Check, mebibytes
from service.errors import InvalidParameter
from service.listener import listen
from service.settings import Settings
from service.shared_folder import shared_folder

FILES_BESIDE_CONNECTIONS = 200  # bundles, libraries, sockets, and connections kept for probes
SHARED_BYTES = 4 * 2**20  # of one worker's metrics, with a model of a thousand classes
ASKING_SECONDS = 1


def reach(settings: Settings) -> Iterator[Check]:
    """Try what a start would do with the system."""
    yield _port(settings)
    yield from _open_files(settings)
    if settings.workers > 1:
        yield _shared_folder(settings.workers)


def _port(settings: Settings) -> Check:
    host, port = settings.host, settings.port
    facts = {"host": host, "port": port}
    try:
        listen(host, port).close()
    except InvalidParameter as error:
        if _is_vitrine(host, port):
            found = f"a Vitrine listens on {host} port {port} already"
            remedy = "a second one needs another --port"
            return Check("address", "warning", found, remedy, facts)
        detail, _, remedy = error.detail.rpartition("; ")
        return Check("address", "error", detail, remedy, facts)
    found = f"{host} port {port} is free" if port else f"{host}, a port that is free at the start"
    return Check("address", "ok", found, facts=facts)


def _is_vitrine(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(_reached_as(host), port, timeout=ASKING_SECONDS)
    try:
        connection.request("GET", "/health/live")
        return bool(json.loads(connection.getresponse().read())["status"] == "live")
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return False  # nobody answers, or somebody else
    finally:
        connection.close()


def _reached_as(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - asked, not bound


def _open_files(settings: Settings) -> Iterator[Check]:
    if sys.platform == "win32":
        return
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = settings.max_connections + FILES_BESIDE_CONNECTIONS
    is_enough = limit == resource.RLIM_INFINITY or limit >= needed
    allowed = "any number of" if limit == resource.RLIM_INFINITY else f"{limit:,}"
    found = f"a process may open {allowed} files; --max-connections {settings.max_connections:,} "
    yield Check(
        "open files",
        "ok" if is_enough else "warning",
        f"{found}{'takes' if is_enough else 'may take'} {needed:,}",
        ""
        if is_enough
        else f"raise it (ulimit -n {needed}, or LimitNOFILE={needed} of systemd), or lower "
        "--max-connections",
        {"limit": limit, "needed": needed},
    )


def _shared_folder(workers: int) -> Check:
    try:
        with shared_folder() as folder:
            where, free = folder.parent, shutil.disk_usage(folder).free
    except InvalidParameter as error:
        detail, _, remedy = error.detail.partition("; ")
        return Check("shared folder", "error", detail, remedy)
    needed = workers * SHARED_BYTES
    facts = {"folder": str(where), "free_bytes": free, "needed_bytes": needed}
    found = f"the workers share a folder in {where}, where {mebibytes(free)} are free"
    if free >= needed:
        return Check("shared folder", "ok", found, facts=facts)
    remedy = f"their metrics may need {mebibytes(needed)}: enlarge it (docker run --shm-size)"
    return Check("shared folder", "warning", found, remedy, facts)
