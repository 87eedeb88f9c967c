"""MLServer with a custom runtime and parallel inference, a worker for each CPU."""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
from pathlib import Path

import numpy as np
from asked import Asked, asked
from mlserver import MLModel
from mlserver.codecs import Base64Codec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse
from picture_classifier import PictureClassifier

BATCH_SECONDS = 0.01  # its documentation leaves it to experiment; a lone caller waits in full


class PictureRuntime(MLModel):
    """Takes pictures in base64, one or a batch, and answers each with JSON."""

    async def load(self) -> bool:
        self._classifier = PictureClassifier(Path(self.settings.parameters.uri), threads=1)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        # in the worker's event loop, as its own runtimes do: the workers run side by side
        pictures = Base64Codec.decode_input(payload.inputs[0])
        batch = np.stack([self._classifier.pixel_values(picture) for picture in pictures])
        answers = [json.dumps(answer) for answer in self._classifier.classify_batch(batch)]
        return InferenceResponse(
            model_name=self.name, outputs=[StringCodec.encode_output("answer", answers)]
        )


def write_settings(folder: Path, arguments: Asked) -> None:
    """Write the two files that MLServer reads."""
    server = {
        "debug": False,  # which also turns its access log off
        "host": "127.0.0.1",
        "http_port": arguments.port,
        "grpc_port": _free_port(),
        "metrics_port": _free_port(),
        "parallel_workers": arguments.workers,
        "gzip_enabled": False,
    }
    model = {
        "name": "pictures",
        "implementation": "mlserver_runtime.PictureRuntime",
        "parameters": {"uri": str(arguments.bundle)},
    }
    if arguments.max_batch_size > 1:
        model |= {"max_batch_size": arguments.max_batch_size, "max_batch_time": BATCH_SECONDS}
    (folder / "settings.json").write_text(json.dumps(server))
    (folder / "model-settings.json").write_text(json.dumps(model))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


if __name__ == "__main__":
    home = tempfile.mkdtemp(dir=Path.cwd())
    write_settings(Path(home), asked())
    os.chdir(home)  # where it keeps its folders of environments and metrics
    program = str(Path(sys.executable).with_name("mlserver"))
    os.execv(program, [program, "start", "."])
