"""`GET /` and `GET /guide`: the pages, and the files they are made of."""

from __future__ import annotations

import os
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

WEB = Path(__file__).parents[1] / "web"
router = APIRouter(include_in_schema=False)


class PageFiles(StaticFiles):
    """Files that a browser asks for anew each time, so that an upgrade never mixes two versions."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Answer a file, or 304 where the browser has it."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = "no-cache"
        return response


files = PageFiles(directory=WEB)


@router.get("/")
async def page(request: Request) -> Response:
    """Give the page."""
    return await files.get_response("index.html", request.scope)


@router.get("/guide")
async def guide(request: Request) -> Response:
    """Give the guide's page."""
    return await files.get_response("guide.html", request.scope)
