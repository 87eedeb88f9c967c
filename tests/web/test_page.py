"""What a person can do with the page, done in a real browser."""

from __future__ import annotations

import base64
import re

import httpx
import pytest
from playwright.sync_api import Route, expect

from tests.web.pictures import HEIGHT, WIDTH
from tests.web.servers import running_server
from tests.web.visitor import (
    bars,
    choose,
    choose_and_wait,
    classify,
    explain,
    label_of,
    saved_scores,
)

DROP_OR_PASTE = """
([kind, base64]) => {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "ship.png", { type: "image/png" }));
  const event = kind === "drop"
    ? new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true })
    : new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true });
  document.body.dispatchEvent(event);
}
"""


@pytest.mark.parametrize("way", ["file", "drop", "paste"])
def test_a_picture_that_comes_in_shows_the_bars_of_the_apis_own_answer(page, address, picture, way):
    if way == "file":
        choose(page, picture)
    else:
        page.evaluate(DROP_OR_PASTE, [way, base64.b64encode(picture).decode()])
    expect(page.locator("#status")).to_contain_text("ship.png")
    expected = classify(address, picture)
    assert bars(page) == pytest.approx(expected)
    assert list(bars(page)) == list(expected)


def test_clicking_a_class_shows_that_classs_map(page, address, picture):
    choose_and_wait(page, picture)
    label = label_of(page, 3)
    page.locator(".bar").nth(3).click()
    expect(page.locator("#map-title")).to_contain_text(label)
    expect(page.locator(".bar[aria-pressed=true] .name")).to_contain_text(label)
    assert saved_scores(page)["scores"] == explain(address, picture, target=label)["scores"]


def test_the_keyboard_alone_goes_from_load_to_a_classs_map_and_its_patches(page):
    def tab_to(selector: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("(one) => document.activeElement.matches(one)", selector):
                return
        pytest.fail(f"Tab never reaches {selector}")

    tab_to(".sample")
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_contain_text("Ship")
    tab_to("#heatmap")
    # what weighs most, for the class or against it
    expect(page.locator("#readout")).to_contain_text(re.compile(r"rank (1|64) of 64"))
    page.keyboard.press("Home")
    expect(page.locator("#readout")).to_contain_text("column 1 of 8")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#readout")).to_contain_text("column 2 of 8")
    tab_to("li:nth-child(2) > .bar")
    page.keyboard.press("Space")
    expect(page.locator("#map-title")).to_contain_text(label_of(page, 1))


def test_pointing_at_a_patch_reads_its_score(page, address, picture):
    choose_and_wait(page, picture)
    left, top, right, bottom = (answer := explain(address, picture))["grid"]["crop_box"]
    x = left + (right - left) * 4.5 / 8
    y = top + (bottom - top) * 2.5 / 8
    place = page.locator("#heatmap").bounding_box()
    page.mouse.move(
        place["x"] + place["width"] * x / WIDTH, place["y"] + place["height"] * y / HEIGHT
    )
    expect(page.locator("#readout")).to_contain_text("Row 3 of 8, column 5 of 8")
    read = float(re.search(r"score ([\d.e-]+),", page.locator("#readout").inner_text())[1])
    assert read == pytest.approx(answer["scores"][2][4], rel=0.01)


def test_no_request_leaves_the_origin_and_the_console_stays_silent(page, address, picture):
    heard, asked = [], []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    choose_and_wait(page, picture)
    page.locator(".bar").nth(1).click()
    expect(page.locator("#map-title")).to_contain_text(label_of(page, 1))
    with page.expect_download():
        page.get_by_role("button", name="Save PNG").click()
    assert heard == []
    assert [url for url in asked if not url.startswith((address, f"blob:{address}"))] == []


def test_a_bad_file_shows_the_problems_detail_and_keeps_the_earlier_picture(page, address, picture):
    choose_and_wait(page, picture)
    before = bars(page), page.locator("#heatmap").evaluate("(canvas) => canvas.toDataURL()")
    problem = httpx.post(f"{address}classify", content=b"no picture").json()
    choose(page, b"no picture", "broken.png")
    expect(page.get_by_role("alert")).to_contain_text(problem["title"])
    expect(page.locator("#notice-detail")).to_have_text(problem["detail"])
    expect(page.locator("#notice-kept")).to_be_visible()
    after = bars(page), page.locator("#heatmap").evaluate("(canvas) => canvas.toDataURL()")
    assert after == before
    page.locator(".bar").nth(1).click()
    expect(page.get_by_role("alert")).to_be_hidden()
    assert (
        saved_scores(page)["scores"]
        == explain(address, picture, target=label_of(page, 1))["scores"]
    )


def test_a_server_that_is_gone_shows_a_message_and_keeps_the_earlier_result(open_page, picture):
    with running_server() as (address, process):
        page = open_page(address)
        choose_and_wait(page, picture)
        before, title = bars(page), page.locator("#map-title").inner_text()
        process.kill()
        process.wait()
        page.locator(".bar").nth(2).click()
        expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
        expect(page.get_by_role("button", name="Try again")).to_be_visible()
        expect(page.locator("#map-title")).to_have_text(title)
        assert bars(page) == before


def test_an_answer_that_was_overtaken_never_replaces_a_newer_one(
    page, address, picture, other_picture
):
    held: list[Route] = []
    page.route("**/classify*", lambda route: held.append(route))
    with page.expect_request("**/classify*"):
        choose(page, picture, "first.png")
    with (
        page.expect_event("requestfailed", lambda request: request == held[0].request),
        page.expect_request("**/classify*"),
    ):
        choose(page, other_picture, "second.png")
    assert page.get_by_role("alert").is_hidden()
    held[1].continue_()
    expect(page.locator("#status")).to_contain_text("second.png")
    held[0].abort()
    assert bars(page) == pytest.approx(classify(address, other_picture))
    assert page.get_by_role("alert").is_hidden()
