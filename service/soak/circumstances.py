"""What a server under soak is given, and what it turns out not to offer."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from service.benchmarking.connection import Address
from service.benchmarking.server_process import COMMAND
from service.errors import InvalidParameter
from service.settings import Settings
from service.soak.kinds import MAX_IMAGE_BYTES

RELOAD_ROUTE = "/models/{name}/reload"


@dataclass(frozen=True)
class Circumstances:
    """The variables that a server starts with, and the headers that it asks of its callers."""

    environment: dict[str, str]
    headers: list[str] = field(default_factory=list)
    not_exercised: list[str] = field(default_factory=list)

    @property
    def workers(self) -> int:
        """How many workers there are to lose one of; 0 where the server is one process."""
        workers = int(self.environment.get("VITRINE_WORKERS", 1))
        return workers if workers > 1 else 0


def circumstances(desk: Path, workers: int) -> Circumstances:
    """Make an administrator's key on a desk, and choose settings under which limits are met."""
    found = Circumstances(
        {"VITRINE_MAX_IMAGE_BYTES": str(MAX_IMAGE_BYTES), "VITRINE_LOG_LEVEL": "error"}
    )
    if "workers" in Settings.model_fields:
        found.environment["VITRINE_WORKERS"] = str(workers)
    if not found.workers:
        found.not_exercised.append("a killed worker: the service is one process")
    if "api_keys_file" in Settings.model_fields:
        keys = desk / "keys"
        found.environment["VITRINE_API_KEYS_FILE"] = str(keys)
        found.headers.append(f"Authorization: Bearer {_new_key(keys)}")
    else:
        found.not_exercised.append("keys: this service has none")
    return found


def _new_key(keys: Path) -> str:
    made = subprocess.run(  # noqa: S603 - this very package
        [sys.executable, "-c", COMMAND, "key", "soak", "--file", str(keys), "--admin"],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise InvalidParameter(f"no key can be made: {made.stderr.strip()}")
    return made.stdout.strip()


def can_reload(address: Address, headers: list[str]) -> bool:
    """Whether a server's API has the route that reloads a model."""
    connection = http.client.HTTPConnection(*address)
    try:
        given = dict(line.split(": ", 1) for line in headers)
        connection.request("GET", "/openapi.json", headers=given)
        answer = connection.getresponse()
        return answer.status == http.client.OK and RELOAD_ROUTE in json.load(answer)["paths"]
    finally:
        connection.close()
