"""What the guide is made of, and how it is served."""

from __future__ import annotations

import httpx
import pytest

from service.routes.page import WEB

GUIDE = WEB / "guide"
FILES = sorted(str(path.relative_to(WEB)) for path in GUIDE.rglob("*") if path.is_file())
HEAVIEST_GUIDE = 300_000  # bytes, of all files in one language


@pytest.mark.parametrize("path", ["guide", "web/guide/guide.js", "web/guide/drawing.css"])
def test_a_file_comes_with_the_headers_that_protect_the_browser(address, path):
    answer = httpx.get(f"{address}{path}")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-cache"


def test_all_that_the_guide_loads_is_light(open_page, address):
    page = open_page(f"{address}guide#step=0")
    page.locator('#step[data-drawn="0"]').wait_for()
    loaded = page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    files = {url.partition("/web/")[2] for url in loaded if "/web/" in url} | {"guide.html"}
    sizes = {name: (WEB / name).stat().st_size for name in files}
    assert {"guide/guide.js", "guide/strings/core.en.js", "theme.css"} <= set(sizes)
    assert sum(sizes.values()) < HEAVIEST_GUIDE, sorted(sizes.items(), key=lambda one: -one[1])[:9]


def test_the_guide_holds_no_inline_styles_or_scripts():
    page = (WEB / "guide.html").read_text(encoding="utf-8")
    assert "style=" not in page
    assert "<style" not in page
    assert page.count("<script") == page.count('<script type="module" src=')


def test_every_file_is_small_enough_to_read():
    long = {name: lines for name in FILES if (lines := line_count(name)) > 250}
    assert long == {}


def line_count(name: str) -> int:
    return (WEB / name).read_text(encoding="utf-8").count("\n")


def test_every_script_says_what_it_is_for():
    for name in FILES:
        if name.endswith(".js"):
            assert (WEB / name).read_text(encoding="utf-8").startswith("/**"), name
