"""The guide, open on the embedded model."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.web.guide.visitor import wait_for_step


@pytest.fixture
def open_guide(open_page: Callable[..., Page], address: str) -> Callable[..., Page]:
    """Give a function that opens the guide at a view, in a fresh context."""

    def open_guide(hash: str = "step=0", at: str = address, **options) -> Page:
        page = open_page(f"{at}guide#{hash}", **options)
        step = next(part for part in hash.split("&") if part.startswith("step="))
        wait_for_step(page, step.removeprefix("step="))
        return page

    return open_guide


@pytest.fixture
def guide(open_guide: Callable[..., Page]) -> Page:
    return open_guide()
