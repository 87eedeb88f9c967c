"""How the page's files are served."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from service.routes.page import WEB

HEAVIEST_PAGE = 118_000  # bytes, of all files together
FILES = sorted(path.name for path in WEB.iterdir() if path.is_file())


@pytest.fixture(scope="module")
def files(address) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address) as client:
        yield client


@pytest.mark.parametrize("path", ["", *(f"web/{name}" for name in FILES)])
def test_a_file_comes_with_the_headers_that_protect_the_browser(files, path):
    answer = files.get(path)
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["", "web/page.js"])
def test_a_file_that_the_browser_has_is_not_sent_again(files, path):
    tag = files.get(path).headers["ETag"]
    again = files.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_scripts_are_declared_as_scripts(files):
    for name in FILES:
        if name.endswith(".js"):
            kind = files.get(f"web/{name}").headers["Content-Type"]
            assert kind.partition(";")[0] in ("text/javascript", "application/javascript")


def test_the_page_is_light():
    own = [name for name in FILES if not name.startswith("guide.")]
    assert sum((WEB / name).stat().st_size for name in own) < HEAVIEST_PAGE


def test_the_page_holds_no_inline_styles_or_scripts():
    page = (WEB / "index.html").read_text(encoding="utf-8")
    assert "style=" not in page
    assert "<style" not in page
    assert page.count("<script") == page.count('<script type="module" src=')
