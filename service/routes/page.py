"""`GET /`: the page, and the files it is made of."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles

WEB = Path(__file__).parents[1] / "web"
router = APIRouter(include_in_schema=False)
files = StaticFiles(directory=WEB)


@router.get("/")
async def page() -> FileResponse:
    """Give the page."""
    return FileResponse(WEB / "index.html")
