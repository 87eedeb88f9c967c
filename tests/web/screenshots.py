"""Takes a picture of every step of the guide: `python -m tests.web.screenshots FOLDER`.

Look at them before you release a change of the guide.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.web.conftest import BROWSERS, PATIENCE_MILLISECONDS, QUIET
from tests.web.guide.test_guide import IDS
from tests.web.guide.visitor import open_step, wait_for_step
from tests.web.servers import running_server

WIDTHS = {320: 640, 1440: 900}  # of the window, with its height
SCHEMES = ("light", "dark")
LOCALES = ("en-US", "ko-KR")
MOTION_MILLISECONDS = 1000  # until what slides in has come to rest


def screenshots(page: Page, folder: Path) -> Iterator[tuple[str, Path]]:
    """Open every step, wait until it rests, and give its name and its picture's file."""
    folder.mkdir(parents=True, exist_ok=True)
    for step in IDS:
        open_step(page, step, patch=27)
        page.wait_for_timeout(MOTION_MILLISECONDS)
        file = folder / f"{step}.png"
        page.screenshot(path=file, full_page=True)
        yield step, file


def main() -> None:
    """Take them in narrow and wide windows, light and dark, in both languages."""
    path = next(filter(None, map(shutil.which, BROWSERS)))
    with running_server() as (address, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        for width, scheme, locale in product(WIDTHS, SCHEMES, LOCALES):
            page = browser.new_page(
                viewport={"width": width, "height": WIDTHS[width]},
                color_scheme=scheme,
                locale=locale,
            )
            page.set_default_timeout(PATIENCE_MILLISECONDS)
            page.goto(f"{address}guide#step=0")
            wait_for_step(page, "0")
            folder = Path(sys.argv[1]) / f"{width}-{scheme}-{locale[:2]}"
            print(folder, len(list(screenshots(page, folder))))
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
