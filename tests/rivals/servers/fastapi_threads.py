"""FastAPI as its tutorial has it: a `def` endpoint in the thread pool, a process for each CPU."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from asked import asked
from fastapi import Depends, FastAPI, Request
from picture_classifier import PictureClassifier

BUNDLE = "RIVAL_BUNDLE"  # how uvicorn's processes, which import this anew, find it


async def body(request: Request) -> bytes:
    return await request.body()


def create_app() -> FastAPI:
    app = FastAPI()
    classifier = PictureClassifier(Path(os.environ[BUNDLE]), threads=1)

    @app.post("/classify")
    def classify(picture: Annotated[bytes, Depends(body)]) -> dict[str, Any]:
        return classifier.classify(picture)

    return app


if __name__ == "__main__":
    arguments = asked()
    os.environ[BUNDLE] = str(arguments.bundle)
    uvicorn.run(
        "fastapi_threads:create_app",
        factory=True,
        port=arguments.port,
        workers=arguments.workers,
        access_log=False,
    )
