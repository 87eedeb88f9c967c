"""The chapter "picture": steps 0 to 2."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web.guide.truth import truth_of
from tests.web.guide.visitor import (
    choose_and_wait,
    numbers,
    open_step,
    shapes,
    trace,
    verdict,
    wait_for_step,
)

MIDDLES = """
(at) => {
  const canvas = document.querySelector(".patch-grid canvas");
  const pen = canvas.getContext("2d");
  const cell = canvas.width / 8;
  return Array.from({ length: 64 }, (_, patch) => pen.getImageData(
    Math.floor((patch % 8 + at) * cell), Math.floor((Math.floor(patch / 8) + at) * cell), 1, 1,
  ).data[3]);
}
"""  # how opaque the canvas is at one place of each patch


def test_the_gallery_has_a_picture_for_each_label_and_the_visitors_as_a_question(guide):
    names = guide.locator(".gallery b").all_inner_texts()
    assert len(names) == 11
    assert names[-1] == "?"
    expect(guide.locator(".gallery")).to_contain_text("90% right")


def test_the_cards_accuracy_is_counted_again_from_its_confusion_matrix(guide):
    expect(guide.locator("#check-formula")).to_have_text("8758 / 10000")
    assert verdict(guide) == "true"


def test_a_pixel_is_normalised_again(open_guide, picture):
    page = open_guide("step=1&patch=9")
    choose_and_wait(page, picture)
    wait_for_step(page, "1")
    patches = truth_of(picture).steps.patches
    assert verdict(page) == "true"
    assert numbers(page)["Sent by the model"] == pytest.approx(
        patches[0, 9, 0].item(),
        rel=1e-5,  # the first pixel of patch 9
    )
    assert shapes(page) == ["32 × 32 × 3", "1 × 3 × 32 × 32"]


def test_the_frame_shows_what_the_model_sees_of_a_wide_picture(open_guide, picture):
    page = open_guide("step=1")
    choose_and_wait(page, picture)  # 96 x 64, of which the 64 in the middle are seen
    wait_for_step(page, "1")
    frame = page.locator(".framed-original .crop").bounding_box()
    whole = page.locator(".framed-original canvas").bounding_box()
    assert frame["width"] / whole["width"] == pytest.approx(64 / 96, abs=0.02)
    assert frame["x"] - whole["x"] == pytest.approx(whole["width"] / 6, abs=2)


def test_pointing_at_a_pixel_says_its_levels_and_a_click_checks_it(open_guide, address, picture):
    page = open_guide("step=1")
    choose_and_wait(page, picture)
    wait_for_step(page, "1")
    tensors, _ = trace(address, picture, "pixels", "pixel_values")
    cells = page.locator(".before-after .cells")
    box = cells.bounding_box()
    cells.click(position={"x": box["width"] * 20.5 / 32, "y": box["height"] * 30.5 / 32})
    expect(page.locator(".channels caption")).to_have_text("The pixel in row 30, column 20")
    expect(page).to_have_url(re.compile(r"cell=30\.20"))
    wait_for_step(page, "1")
    levels = [int(level) for level in page.locator(".channels td:nth-child(2)").all_inner_texts()]
    assert levels == tensors["pixels"][30, 20].tolist()
    assert numbers(page)["Sent by the model"] == pytest.approx(
        tensors["pixel_values"][0, 30, 20], rel=1e-5
    )


def wait_until(page: Page, is_so: Callable[[], bool]) -> None:
    """Ask again and again; the page's policy forbids Playwright to do so inside."""
    for _ in range(100):
        if is_so():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it has not come about within 5 seconds")


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_every_patch_is_seen_when_they_have_moved_apart(open_guide, motion):
    page = open_guide("step=1", reduced_motion=motion)
    open_step(page, "2")
    wait_until(page, lambda: set(page.evaluate(MIDDLES, 0)) == {0})  # the gaps are open
    assert page.evaluate(MIDDLES, 0.5) == [255] * 64


def test_the_patches_are_cut_where_the_pinned_one_says(open_guide, picture):
    page = open_guide("step=2&patch=27")
    choose_and_wait(page, picture)
    wait_for_step(page, "2")
    expect(page.locator("#check-formula")).to_contain_text("x[0, 12, 12] = p[27, 0]")
    assert verdict(page) == "true"
    assert numbers(page)["Difference"] == 0
    patches = truth_of(picture).steps.patches
    assert numbers(page)["Computed here"] == pytest.approx(patches[0, 27, 0].item(), rel=1e-5)
    assert shapes(page) == ["32 × 32 × 3", "8 × 8", "4 × 4 × 3"]


def test_a_patch_of_the_row_can_be_pinned_too(open_guide):
    page = open_guide("step=2")
    page.locator(".patch-row canvas").nth(5).click()
    expect(page.locator("#mine-patch")).to_contain_text("patch 5 (row 0, column 5)")
    open_step(page, "2")
    expect(page.locator(".patch-row .mine")).to_have_attribute("data-patch", "5")
