"""Who is measured: Vitrine, and the servers of others, each as its own documentation has it."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from service import __version__
from service.benchmarking.request import Body, body_of
from service.benchmarking.server_process import server_process
from service.budget import cpu_budget
from tests.rivals.answer import Best, of_list, of_open_inference, of_predictions, post
from tests.rivals.environment import python_of, version_of
from tests.rivals.process import Running, server

SERVERS = Path(__file__).parent / "servers"
HOST = "127.0.0.1"
BATCH = 8  # as Vitrine's own default
OK = 200


def open_inference_body(picture: bytes) -> Body:
    """Put a picture into a request of the Open Inference Protocol, as base64."""
    tensor = {
        "name": "picture",
        "shape": [1, 1],
        "datatype": "BYTES",
        "parameters": {"content_type": "base64"},
        "data": [base64.b64encode(picture).decode()],
    }
    return Body(json.dumps({"inputs": [tensor]}).encode(), "application/json")


@dataclass(frozen=True)
class Rival:
    """A server of others: how it is started, asked and read. `package` is the one it is told by."""

    key: str
    name: str
    environment: str
    script: str
    package: str
    path: str = "/classify"
    max_batch_size: int = 1
    body: Callable[[bytes], Body] = field(default=body_of)
    read: Callable[[Any], Best] = field(default=of_predictions)

    @property
    def version(self) -> str:
        """The version that is pinned."""
        return f"{self.package} {version_of(self.package, self.environment)}"

    def install(self, environments: Path) -> None:
        """Make the environment where it is not there yet. Raises NotInstalled."""
        python_of(self.environment, environments)

    @contextmanager
    def serve(self, bundle: Path, picture: bytes, environments: Path) -> Iterator[Running]:
        """Serve a bundle until the block ends. Raises ModelNotReady."""
        address = (HOST, _free_port())
        command = [
            str(python_of(self.environment, environments)),
            str(SERVERS / self.script),
            *("--bundle", str(bundle)),
            *("--port", str(address[1])),
            *("--workers", str(cpu_budget().cpus)),
            *("--max-batch-size", str(self.max_batch_size)),
        ]

        def answers() -> bool:
            try:
                return post(address, self.path, self.body(picture))[0] == OK
            except OSError:
                return False

        with server(command, SERVERS, address, answers) as running:
            yield running


@dataclass(frozen=True)
class Vitrine:
    """The service itself, with the settings of the environment: where there are none, defaults."""

    key: str = "vitrine"
    name: str = "Vitrine"
    path: str = "/classify"
    body: Callable[[bytes], Body] = field(default=body_of)
    read: Callable[[Any], Best] = field(default=of_predictions)

    @property
    def version(self) -> str:
        """The version that is measured."""
        return f"vitrine {__version__}"

    def install(self, environments: Path) -> None:
        """Nothing to do: it is installed where the command runs."""

    @contextmanager
    def serve(self, bundle: Path, picture: bytes, environments: Path) -> Iterator[Running]:
        """Serve a bundle until the block ends. Raises ModelNotReady."""
        with server_process(bundle, {}) as process:
            yield Running(process.pid, process.address)


Contender = Vitrine | Rival

VITRINE = Vitrine()
RIVALS = (
    Rival(
        "fastapi-threads",
        "FastAPI, a process a CPU, thread pool",
        "fastapi",
        "fastapi_threads.py",
        "fastapi",
    ),
    Rival("fastapi-loop", "FastAPI, on the event loop", "fastapi", "fastapi_loop.py", "fastapi"),
    Rival("litserve", "LitServe", "litserve", "litserve_api.py", "litserve"),
    Rival(
        "litserve-batches",
        "LitServe, batches",
        "litserve",
        "litserve_api.py",
        "litserve",
        max_batch_size=BATCH,
    ),
    Rival(
        "mlserver",
        "MLServer",
        "mlserver",
        "mlserver_runtime.py",
        "mlserver",
        path="/v2/models/pictures/infer",
        body=open_inference_body,
        read=of_open_inference,
    ),
    Rival(
        "mlserver-batches",
        "MLServer, batches",
        "mlserver",
        "mlserver_runtime.py",
        "mlserver",
        path="/v2/models/pictures/infer",
        max_batch_size=BATCH,
        body=open_inference_body,
        read=of_open_inference,
    ),
    Rival(
        "kserve",
        "KServe",
        "kserve",
        "kserve_model.py",
        "kserve",
        path="/v1/models/pictures:predict",
    ),
    Rival("bentoml", "BentoML", "bentoml", "bentoml_service.py", "bentoml"),
    Rival(
        "bentoml-batches",
        "BentoML, batches",
        "bentoml",
        "bentoml_service.py",
        "bentoml",
        max_batch_size=BATCH,
        body=partial(body_of, form="multipart", field="pictures"),
        read=of_list,
    ),
)


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as taken:
        return int(taken.getsockname()[1])
