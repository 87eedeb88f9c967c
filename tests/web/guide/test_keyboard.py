"""The whole way by keyboard: nothing is clicked, and nothing is focused but by Tab."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.web.guide.test_guide import IDS
from tests.web.guide.visitor import verdict, wait_for_step

MOST_STOPS = 150


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(MOST_STOPS):
        if wanted.evaluate("(one) => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} is not among {MOST_STOPS} stops of Tab")


def leave_grid(page: Page) -> None:
    """Go on from a grid, whose keys are its own, to a link, which takes no arrows."""
    tab_to(page, page.locator("#rail a").first)


def test_a_picture_is_chosen_a_patch_pinned_and_a_label_named_without_a_pointer(guide):
    tab_to(guide, guide.locator(".drawings summary"))
    guide.keyboard.press("Enter")
    tab_to(guide, guide.locator("#samples button").filter(has_text="Cat"))
    guide.keyboard.press("Enter")
    expect(guide.locator("#mine-name")).to_have_text("Cat")
    wait_for_step(guide, "0")

    tab_to(guide, guide.locator("#rail a", has_text="Cut into patches"))
    guide.keyboard.press("Enter")
    wait_for_step(guide, "2")
    tab_to(guide, guide.locator("#drawing [role=application]").first)
    guide.keyboard.press("Home")
    guide.keyboard.press("ArrowRight")
    guide.keyboard.press("ArrowDown")
    guide.keyboard.press("Enter")
    expect(guide.locator("#mine-patch")).to_contain_text("patch 33 (row 4, column 1)")

    leave_grid(guide)
    for step in IDS[IDS.index("2") + 1 :]:
        guide.keyboard.press("ArrowRight")
        wait_for_step(guide, step)
        assert verdict(guide) == "true", step
    expect(guide.locator("#mine-patch")).to_contain_text("patch 33 (row 4, column 1)")

    tab_to(guide, guide.locator("#drawing button", has_text="dog").first)
    guide.keyboard.press("Enter")
    wait_for_step(guide, "24")
    expect(guide.locator("#check-formula")).to_contain_text("dog")


def test_layer_and_head_are_moved_without_a_pointer(guide):
    tab_to(guide, guide.locator("#rail a", has_text="Every query meets every key"))
    guide.keyboard.press("Enter")
    wait_for_step(guide, "10")
    for slider in ("#layer", "#head"):
        tab_to(guide, guide.locator(slider))
        guide.keyboard.press("ArrowRight")
        expect(guide.locator(slider)).to_have_value("1")
        expect(guide.locator(f"{slider}-value")).to_contain_text("1 of")
        wait_for_step(guide, "10")
        assert verdict(guide) == "true"
