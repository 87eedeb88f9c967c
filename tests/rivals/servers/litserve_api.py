"""LitServe: a worker for each CPU, and its ZeroMQ queue, as its documentation advises."""

from pathlib import Path
from typing import Annotated, Any

import litserve
import numpy as np
from asked import asked
from fastapi import Body
from picture_classifier import PictureClassifier

BATCH_SECONDS = 0.01  # its own examples wait 0.01 to 0.05 s, which a lone caller waits in full


class PictureAPI(litserve.LitAPI):
    """Decodes, infers and answers in LitServe's workers."""

    def __init__(self, bundle: Path, **options: Any) -> None:
        super().__init__(api_path="/classify", **options)
        self._bundle = bundle

    def setup(self, device: str) -> None:
        self._classifier = PictureClassifier(self._bundle, threads=1)

    def decode_request(self, request: Annotated[bytes, Body(media_type="image/*")]) -> np.ndarray:
        return self._classifier.pixel_values(request)

    def predict(self, images: np.ndarray) -> list[dict[str, Any]] | dict[str, Any]:
        if self.max_batch_size > 1:
            return self._classifier.classify_batch(images)
        return self._classifier.classify_batch(images[None])[0]

    def unbatch(self, output: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return output

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        return output


if __name__ == "__main__":
    arguments = asked()
    size = arguments.max_batch_size
    batching = {"max_batch_size": size, "batch_timeout": BATCH_SECONDS} if size > 1 else {}
    server = litserve.LitServer(
        PictureAPI(arguments.bundle, **batching),
        accelerator="cpu",
        devices=1,
        workers_per_device=arguments.workers,
        fast_queue=True,
    )
    server.run(
        host="127.0.0.1", port=arguments.port, log_level="warning", generate_client_file=False
    )
