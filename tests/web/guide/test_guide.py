"""Finding one's way through the guide: steps, links, keys, pictures, patches."""

from __future__ import annotations

import base64
import re

import pytest
from playwright.sync_api import Page, expect

from tests.web.guide.visitor import choose_and_wait, open_step, trace, wait_for_step
from tests.web.test_page import DROP_OR_PASTE

IDS = [
    *map(str, range(9)),
    "8b",
    *map(str, range(9, 19)),
    "19b",
    "19",
    "20",
    "21",
    "22b",
    *("22", "23", "24"),
]


def current(page: Page) -> str:
    return page.locator("#rail [aria-current=step] .id").inner_text()


def test_the_guide_opens_with_a_picture_that_is_followed(guide):
    expect(guide.locator("#mine-name")).to_have_text("Ship")
    expect(guide.locator("h2#step-title")).not_to_be_empty()
    assert current(guide) == "0"


def test_the_list_has_all_steps_and_the_norms_in_their_order(guide):
    assert guide.locator("#rail .id").all_inner_texts() == IDS


def test_a_step_of_the_list_is_one_click_away(guide):
    guide.locator("#rail a", has_text="Cut into patches").click()
    wait_for_step(guide, "2")
    assert current(guide) == "2"
    expect(guide.locator("#step-title")).to_have_text("Cut into patches")
    expect(guide.locator("#status")).to_contain_text("Step 2")


def test_the_map_of_the_model_lights_where_a_step_is_and_leads_to_others(guide):
    lit = guide.locator("#map [aria-current]")
    expect(lit).to_contain_text("picture")
    guide.locator("#map a", has_text="feed-forward").click()
    wait_for_step(guide, "19")
    expect(lit).to_contain_text("feed-forward")


def test_space_and_arrows_turn_the_steps_while_no_control_has_the_focus(guide):
    for key, step in (
        ("Space", "1"), ("ArrowRight", "2"), ("Shift+Space", "1"), ("ArrowLeft", "0"),
        ("End", "24"), ("Home", "0"),
    ):  # fmt: skip
        guide.keyboard.press(key)
        wait_for_step(guide, step)
        assert current(guide) == step


def test_keys_that_a_control_takes_turn_no_step(open_guide):
    page = open_guide("step=2")
    page.locator("#drawing .plane").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    assert current(page) == "2"


def test_buttons_turn_the_steps_and_stop_at_both_ends(guide):
    expect(guide.locator("#previous")).to_be_disabled()
    guide.locator("#next").click()
    wait_for_step(guide, "1")
    guide.locator("#previous").click()
    wait_for_step(guide, "0")
    guide.keyboard.press("Tab")
    open_step(guide, "24")
    expect(guide.locator("#next")).to_be_disabled()


def test_a_link_restores_the_exact_view_and_back_goes_back(open_guide):
    page = open_guide("step=2&layer=3&head=2&patch=42&sample=frog")
    expect(page.locator("#mine-name")).to_have_text("Frog")
    expect(page.locator("#mine-patch")).to_contain_text("patch 42 (row 5, column 2)")
    page.locator("#next").click()
    expect(page).to_have_url(re.compile(r"#step=3&layer=3&head=2&patch=42&sample=frog$"))
    page.go_back()
    wait_for_step(page, "2")
    expect(page).to_have_url(re.compile(r"#step=2&layer=3&head=2&patch=42&sample=frog$"))


@pytest.mark.parametrize("hash", ["step=99", "step=2&patch=100000&layer=77&head=-1", "x"])
def test_a_link_that_says_nonsense_shows_what_there_is(open_guide, hash):
    page = open_guide("step=0")
    page.evaluate("(hash) => { location.hash = hash; }", hash)
    expect(page.locator("#step")).to_have_attribute("data-drawn", re.compile(r"\d"))
    place = re.search(r"patch (\d+)", page.locator("#mine-patch").inner_text())
    assert int(place[1]) in (27, 63)
    assert page.get_by_role("alert").is_hidden()


def test_a_patch_is_pinned_by_click_or_keys_and_stays_pinned(open_guide):
    page = open_guide("step=2")
    cells = page.locator("#drawing .patches .cells")
    box = cells.bounding_box()
    cells.click(position={"x": box["width"] * 4.5 / 8, "y": box["height"] * 2.5 / 8})
    expect(page.locator("#mine-patch")).to_contain_text("patch 20 (row 2, column 4)")
    wait_for_step(page, "2")
    page.locator("#drawing .patches").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#drawing .readout").first).to_have_text("patch 28 (row 3, column 4)")
    page.keyboard.press("Enter")
    expect(page.locator("#mine-patch")).to_contain_text("patch 28")
    wait_for_step(page, "2")
    assert page.evaluate("document.activeElement.matches('#drawing .patches')")
    page.locator("#next").click()
    expect(page.locator("#mine-patch")).to_contain_text("patch 28")


@pytest.mark.parametrize("way", ["file", "drop", "paste"])
def test_a_picture_comes_in_and_its_own_pixels_are_shown(guide, address, picture, way):
    if way == "file":
        choose_and_wait(guide, picture)
    else:
        guide.evaluate(DROP_OR_PASTE, [way, base64.b64encode(picture).decode()])
        expect(guide.locator("#mine-name")).to_have_text("ship.png")
    wait_for_step(guide, "0")
    tensors, _ = trace(address, picture, "pixels")
    shown = guide.evaluate("""() => {
      const canvas = document.querySelector("#mine-patch canvas");
      return [...canvas.getContext("2d").getImageData(0, 0, 1, 1).data];
    }""")
    assert shown[:3] == tensors["pixels"][12, 12].tolist()
    expect(guide).not_to_have_url(re.compile("sample"))


def test_a_drawing_of_the_gallery_is_followed_instead(guide):
    guide.locator(".labelled", has_text="frog").click()
    expect(guide.locator("#mine-name")).to_have_text("Frog")
    expect(guide).to_have_url(re.compile("sample=frog"))


def test_layer_and_head_are_offered_only_where_they_act(open_guide):
    page = open_guide("step=2")
    expect(page.locator("#controls")).to_be_hidden()


def test_no_request_leaves_the_origin_and_the_console_stays_silent(guide, address, picture):
    heard, asked = [], []
    guide.on("console", lambda message: heard.append(message.text))
    guide.on("pageerror", lambda error: heard.append(str(error)))
    guide.on("request", lambda request: asked.append(request.url))
    guide.reload()
    wait_for_step(guide, "0")
    choose_and_wait(guide, picture)
    for step in IDS:
        open_step(guide, step)
    with guide.expect_download():
        guide.locator("#save-png").click()
    assert heard == []
    assert [url for url in asked if not url.startswith((address, f"blob:{address}", "data:"))] == []


def test_the_other_page_is_a_click_away_and_back(guide, address):
    guide.get_by_role("link", name="Explain a picture").click()
    expect(guide).to_have_url(address)
    guide.get_by_role("link", name=re.compile("Guide")).click()
    wait_for_step(guide, "0")
