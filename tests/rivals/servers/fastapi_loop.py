"""FastAPI as many write it: one process that infers on its event loop, with all CPUs."""

from __future__ import annotations

from typing import Any

import uvicorn
from asked import asked
from fastapi import FastAPI, Request
from picture_classifier import PictureClassifier


def create_app(classifier: PictureClassifier) -> FastAPI:
    app = FastAPI()

    @app.post("/classify")
    async def classify(request: Request) -> dict[str, Any]:
        return classifier.classify(await request.body())

    return app


if __name__ == "__main__":
    arguments = asked()
    uvicorn.run(
        create_app(PictureClassifier(arguments.bundle, threads=arguments.workers)),
        port=arguments.port,
        access_log=False,
    )
