"""When something goes wrong: the guide says what, keeps what it has, and tries again."""

from __future__ import annotations

import io
from contextlib import suppress

import httpx
from PIL import Image
from playwright.sync_api import Error, Route, expect

from tests.web.guide.visitor import choose, choose_and_wait, open_step, wait_for_step
from tests.web.pictures import ship_under
from tests.web.servers import running_server

TRACE = "**/trace?*"


def test_a_bad_file_shows_the_problems_detail_and_keeps_the_picture(guide, address):
    problem = httpx.post(f"{address}trace?tensors=logits", content=b"no picture").json()
    choose(guide, b"no picture", "broken.png")
    expect(guide.get_by_role("alert")).to_contain_text(problem["title"])
    expect(guide.locator("#notice-detail")).to_have_text(problem["detail"])
    expect(guide.locator("#notice-kept")).to_be_visible()
    expect(guide.locator("#mine-name")).to_have_text("Ship")
    guide.locator("#next").click()
    wait_for_step(guide, "1")
    expect(guide.get_by_role("alert")).to_be_hidden()


def test_a_picture_that_is_too_large_is_said_to_be_and_what_was_seen_stays(open_guide):
    with running_server("--max-image-pixels", "70000") as (address, _):
        page = open_guide("step=2", at=address)
        choose(page, ship_of(300, 300), "large.png")
        expect(page.get_by_role("alert")).to_contain_text("300 x 300 pixels, more than 70,000")
        expect(page.locator("#mine-name")).to_have_text("Ship")
        expect(page.locator('#step[data-drawn="2"]')).to_be_visible()


def ship_of(width: int, height: int) -> bytes:
    """Give the drawn ship at a size in pixels, as PNG."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(ship_under("#a9cfe8"))).resize((width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_server_that_is_gone_leaves_what_was_seen_and_can_be_tried_again(open_guide):
    with running_server() as (address, process):
        page = open_guide("step=2", at=address)
        open_step(page, "1")
        page.route(TRACE, lambda route: route.abort())  # for what may still be on its way
        process.kill()
        process.wait()
        page.locator("#next").click()
        wait_for_step(page, "2")  # seen before, so it is still there
        choose(page, b"any picture")
        expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
        expect(page.get_by_role("button", name="Try again")).to_be_visible()
        expect(page.locator("#mine-name")).to_have_text("Ship")


def test_a_step_whose_values_do_not_come_says_so_and_is_drawn_by_a_second_try(guide):
    guide.route(TRACE, lambda route: route.abort())
    choose_none = guide.get_by_role("alert")
    open_far(guide)
    expect(choose_none).to_contain_text("The server does not answer")
    guide.unroute(TRACE)
    guide.get_by_role("button", name="Try again").click()
    wait_for_step(guide, "2")
    expect(choose_none).to_be_hidden()


def open_far(page) -> None:
    """Go to a step of which nothing was asked ahead."""
    page.locator("#rail a", has_text="Cut into patches").click()


def test_a_picture_that_was_overtaken_never_replaces_a_newer_one(guide, picture, other_picture):
    held: list[Route] = []
    guide.route(TRACE, lambda route: held.append(route))
    with guide.expect_request(TRACE):
        choose(guide, picture, "first.png")
    guide.unroute(TRACE)
    choose_and_wait(guide, other_picture, "second.png")
    for route in held:
        with suppress(Error):  # where the page has taken it back already
            route.abort()
    wait_for_step(guide, "0")
    expect(guide.locator("#mine-name")).to_have_text("second.png")
    assert guide.get_by_role("alert").is_hidden()


def test_a_drop_without_a_picture_says_so(guide):
    guide.evaluate("""() => {
      const dropped = { dataTransfer: new DataTransfer(), bubbles: true, cancelable: true };
      document.body.dispatchEvent(new DragEvent("drop", dropped));
    }""")
    expect(guide.get_by_role("alert")).to_contain_text("No picture in it")
