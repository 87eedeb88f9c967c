"""What axe-core finds on a page that would keep people out."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def barriers(page: Page) -> list[str]:
    """Name the rules that a page breaks, and where."""
    found = Axe().run(page).response
    assert found["passes"]  # it did look
    return [
        f"{rule['id']}: {node['html']}" for rule in found["violations"] for node in rule["nodes"]
    ]
