"""KServe's Python model server with a custom predictor, and a process for each CPU."""

from __future__ import annotations

import json
import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any

from asked import asked
from kserve import Model, ModelServer, logging, model_server
from picture_classifier import PictureClassifier


class PictureModel(Model):
    """A model whose request is a picture's bytes, which the V1 route hands on as they are."""

    def __init__(self, bundle: Path) -> None:
        super().__init__("pictures")
        self._bundle = bundle
        self._classifier: PictureClassifier | None = None
        self.ready = True

    def predict(self, payload: bytes, headers: dict[str, str] | None = None) -> dict[str, Any]:
        # each process opens its own: an onnxruntime session does not travel to another
        self._classifier = self._classifier or PictureClassifier(self._bundle, threads=1)
        return self._classifier.classify(payload)


def quiet_logging(folder: Path) -> Path:
    """Write KServe's own configuration of logs, without a line for every request."""
    configuration = deepcopy(logging.KSERVE_LOG_CONFIG)
    configuration["loggers"]["uvicorn.access"]["level"] = "WARNING"
    path = folder / "logging.json"
    path.write_text(json.dumps(configuration))
    return path


if __name__ == "__main__":
    arguments = asked()
    with tempfile.TemporaryDirectory() as folder:
        model_server.args.log_config_file = str(quiet_logging(Path(folder)))
        server = ModelServer(
            http_port=arguments.port,
            workers=arguments.workers,
            enable_grpc=False,
            enable_latency_logging=False,
        )
        server.start([PictureModel(arguments.bundle)])
