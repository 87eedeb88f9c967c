"""How the guide looks: narrow windows, both colour schemes, with little motion."""

from __future__ import annotations

from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.web.barriers import barriers
from tests.web.guide.test_guide import IDS
from tests.web.guide.visitor import choose, choose_and_wait, open_step, wait_for_step
from tests.web.test_look import OVERFLOW, TEXTS_WITH_COLORS, contrast

UNNAMED = """
() => [...document.querySelectorAll("button, a, input, select, [role=application], [role=img]")]
  .filter((one) => one.checkVisibility())
  .filter((one) => !(one.textContent.trim() || one.ariaLabel || one.getAttribute("aria-labelledby")
    || one.labels?.length))
  .map((one) => one.outerHTML.slice(0, 120))
"""


@pytest.mark.parametrize("width", [320, 768])
@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_no_step_needs_horizontal_scrolling_in_a_narrow_window(open_guide, picture, width, locale):
    page = open_guide(viewport={"width": width, "height": 640}, locale=locale)
    choose_and_wait(page, picture)
    wide = []
    for step in IDS:
        open_step(page, step)
        if page.evaluate(OVERFLOW):
            wide.append(step)
    assert wide == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_contrasts_at_least_4_5_to_1(open_guide, scheme):
    page = open_guide(color_scheme=scheme)
    faint = {}
    for step in IDS:
        open_step(page, step)
        low = [text for text, ink, paper in texts(page) if contrast(ink, paper) < 4.5]
        if low:
            faint[step] = low
    choose(page, b"no picture", "broken.png")
    expect(page.get_by_role("alert")).to_be_visible()
    assert [text for text, ink, paper in texts(page) if contrast(ink, paper) < 4.5] == []
    assert faint == {}


def texts(page) -> list[tuple[str, str, str]]:
    return [
        (text, ink, paper)
        for text, ink, paper in page.evaluate(TEXTS_WITH_COLORS)
        if ink.startswith("rgb(") and paper.startswith("rgb(")
    ]


def test_every_control_and_drawing_has_a_name(open_guide):
    page = open_guide()
    unnamed = {}
    for step in IDS:
        open_step(page, step)
        if found := page.evaluate(UNNAMED):
            unnamed[step] = found
    assert unnamed == {}


def test_headings_go_down_one_level_at_a_time(open_guide):
    page = open_guide()
    for step in IDS:
        open_step(page, step)
        levels = page.locator("main :is(h1, h2, h3, h4):visible").evaluate_all(
            "(all) => all.map((one) => Number(one.tagName[1]))"
        )
        assert levels[0] == 2, step
        assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_step_keeps_anybody_out(open_guide, scheme):
    page = open_guide(color_scheme=scheme)
    found = {}
    for step in IDS:
        open_step(page, step)
        if objections := barriers(page):
            found[step] = objections
    assert found == {}


def test_with_reduced_motion_nothing_moves(open_guide):
    page = open_guide("step=1")
    page.locator("#next").click()
    wait_for_step(page, "2")
    assert page.evaluate("document.getAnimations().length") == 0
