"""A real server on the embedded model and a real browser in front of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.web.pictures import ship_under
from tests.web.servers import running_server

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SHELL = "chromium-headless-shell"  # the same engine without a desktop's browser: half the CPU time
Contexts = dict[str, BrowserContext]
PATIENCE_MILLISECONDS = 60_000
QUIET = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-site-isolation-trials",  # with the next: one process for the pages of all contexts,
    "--renderer-process-limit=1",  # since to start one is half of what opening a page takes
    "--use-fake-device-for-media-stream",  # a camera that shows a moving test picture
]


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    with running_server() as (address, _):
        yield address


@pytest.fixture(scope="session")
def browser_path() -> str:
    path = next(filter(None, map(shutil.which, (SHELL, *BROWSERS))), None)
    if path is None:
        pytest.skip(f"no browser: none of {SHELL}, {', '.join(BROWSERS)} is installed")
    return path


@pytest.fixture(scope="module")  # its event loop would be in the way of tests that run their own
def browser(browser_path: str) -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def contexts(browser: Browser) -> Contexts:
    """Contexts by their options: opening a page in a new one takes twice the time."""
    return {}


@pytest.fixture
def open_page(browser: Browser, contexts: Contexts) -> Iterator[Callable[..., Page]]:
    """Give a function that opens the page of an address; nothing is left of earlier tests."""
    used: list[BrowserContext] = []

    def open_page(address: str, **options) -> Page:
        options = {"reduced_motion": "reduce", **options}
        context = contexts.get(repr(options))
        if context is None:
            context = contexts[repr(options)] = browser.new_context(**options)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        if context not in used:
            used.append(context)
            stored = {"origin": urljoin(address, "/"), "storageTypes": "all"}
            context.new_cdp_session(page).send("Storage.clearDataForOrigin", stored)
        page.goto(address)
        page.locator("#model-name:not(:empty)").wait_for()
        return page

    yield open_page
    for context in used:
        for page in context.pages:
            page.close()


@pytest.fixture
def page(open_page: Callable[..., Page], address: str) -> Page:
    return open_page(address)


@pytest.fixture(scope="session")
def picture() -> bytes:
    return ship_under("#a9cfe8")


@pytest.fixture(scope="session")
def other_picture() -> bytes:
    return ship_under("#2b6b2f")
