"""How the page looks in narrow windows and in both colour schemes."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from service.explanation.methods import METHODS
from tests.web.barriers import barriers
from tests.web.visitor import choose, choose_and_wait, choose_method

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
TEXTS_WITH_COLORS = """
() => {
  const seen = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    let behind = element;
    while (behind && getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") {
      behind = behind.parentElement;
    }
    seen.push([
      walker.currentNode.data.trim(),
      getComputedStyle(element).color,
      getComputedStyle(behind ?? document.body).backgroundColor,
    ]);
  }
  return seen;
}
"""


@pytest.mark.parametrize("width", [320, 768])
def test_a_narrow_window_needs_no_horizontal_scrolling(open_page, address, picture, width):
    page = open_page(address, viewport={"width": width, "height": 640})
    assert page.evaluate(OVERFLOW) == 0
    choose_and_wait(page, picture)
    page.get_by_role("button", name="Measure how true this map is").click()
    page.get_by_text("Show as table").click()
    assert page.evaluate(OVERFLOW) == 0
    for method in METHODS:
        choose_method(page, method)
        assert page.evaluate(OVERFLOW) == 0, method


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_contrasts_at_least_4_5_to_1(open_page, address, picture, scheme):
    page = open_page(address, color_scheme=scheme)
    choose_and_wait(page, picture)
    choose_method(page, "rollout")
    page.get_by_role("button", name="Measure how true this map is").click()
    page.get_by_text("Show as table").click()
    choose(page, b"no picture", "broken.png")
    expect(page.get_by_role("alert")).to_be_visible()
    texts = page.evaluate(TEXTS_WITH_COLORS)
    assert {"least relevant", "Most relevant first", "default"} <= {text for text, _, _ in texts}
    faint = [text for text, ink, paper in texts if contrast(ink, paper) < 4.5]
    assert faint == []


def contrast(ink: str, paper: str) -> float:
    """Give the contrast ratio of two CSS colours, as WCAG 2.2 defines it."""
    low, high = sorted(map(luminance, (ink, paper)))
    return (high + 0.05) / (low + 0.05)


def luminance(color: str) -> float:
    assert color.startswith("rgb("), f"{color} is not opaque"
    shares = [int(channel) / 255 for channel in re.findall(r"\d+", color)]
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_keeps_nobody_out(open_page, address, picture, scheme):
    page = open_page(address, color_scheme=scheme)
    assert barriers(page) == []
    choose_and_wait(page, picture)
    assert barriers(page) == []
