"""How the page draws maps, compared with what the server draws."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.web.pictures import HEIGHT, WIDTH
from tests.web.visitor import (
    choose_and_wait,
    choose_method,
    drawn,
    explain,
    label_of,
    saved_scores,
)


def canvas_of(page: Page) -> Image.Image:
    url = page.locator("#heatmap").evaluate("(canvas) => canvas.toDataURL()")
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB")


def show_both_sides(page: Page, picture: bytes) -> None:
    choose_and_wait(page, picture)
    choose_method(page, "relevance")
    page.select_option("#sign", "both")
    expect(page.locator("#map-title")).to_contain_text("for and against")


def color_at(canvas: Image.Image, answer: dict, place: tuple[int, int]) -> tuple[int, ...]:
    left, top, right, bottom = answer["grid"]["crop_box"]
    x = left + (right - left) * (place[1] + 0.5) / answer["grid"]["columns"]
    y = top + (bottom - top) * (place[0] + 0.5) / answer["grid"]["rows"]
    return canvas.getpixel((int(x * canvas.width / WIDTH), int(y * canvas.height / HEIGHT)))


def test_a_signed_map_is_blue_where_it_speaks_against_and_orange_where_it_speaks_for(
    page, address, picture
):
    show_both_sides(page, picture)
    page.locator("#strength").fill("100")
    page.select_option("#overlay", "blend")
    answer = explain(address, picture, method="relevance", sign="both")
    scores = np.array(answer["scores"])
    against = np.unravel_index(scores.argmin(), scores.shape)
    red, _, blue = color_at(canvas_of(page), answer, against)
    assert blue > red
    red, _, blue = color_at(
        canvas_of(page), answer, np.unravel_index(scores.argmax(), scores.shape)
    )
    assert red > blue + 100


@pytest.mark.parametrize("overlay", ["alpha", "blend"])
@pytest.mark.parametrize("sign", ["positive", "both"])
def test_the_canvas_looks_like_what_the_server_draws(page, address, picture, sign, overlay):
    show_both_sides(page, picture)
    if sign == "positive":
        page.select_option("#sign", "")
        expect(page.locator("#map-title")).not_to_contain_text("against")
    page.select_option("#overlay", overlay)
    canvas = canvas_of(page)
    expected = drawn(
        address, picture, method="relevance", sign=sign, overlay=overlay, colorbar="false"
    )
    apart = np.abs(
        np.asarray(canvas.resize(expected.size), float) - np.asarray(expected, float)
    ).mean(axis=-1)
    assert np.median(apart) < 3  # of 255; edges of the enlarged picture and the frame differ more
    assert (apart < 16).mean() > 0.95


def test_the_colours_follow_the_score_at_80_percent_at_first(page, picture):
    choose_and_wait(page, picture)
    expect(page.locator("#overlay")).to_have_value("alpha")
    expect(page.locator("#strength-value")).to_have_text("80%")


def test_the_colour_bar_of_a_signed_map_has_zero_in_its_middle(page, address, picture):
    show_both_sides(page, picture)
    most = explain(address, picture, method="relevance", sign="both")["scale"]["max"]
    numbers = page.locator("#colorbar .numbers > span").all_inner_texts()
    assert [number.split("\n")[0] for number in numbers] == [f"-{most:.3g}", "0", f"{most:.3g}"]
    assert "blue speaks against" in numbers[0]
    assert "orange speaks for" in numbers[2]


def test_a_patch_says_which_way_it_speaks(page, address, picture):
    show_both_sides(page, picture)
    page.locator("#heatmap").focus()
    for key in ("Home", *["ArrowUp"] * 8):
        page.keyboard.press(key)
    score = explain(address, picture, method="relevance", sign="both")["scores"][0][0]
    said = "speaks for" if score > 0 else "speaks against"
    expect(page.locator("#readout")).to_contain_text(f"{said}, rank")


@pytest.mark.parametrize("overlay", ["alpha", "blend"])
def test_a_saved_picture_is_drawn_as_it_is_shown(page, address, picture, overlay):
    choose_and_wait(page, picture)
    choose_method(page, "relevance")
    page.select_option("#overlay", overlay)
    page.locator("#strength").fill("30")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save PNG").click()
    assert download.value.suggested_filename == f"ship-relevance-{label_of(page, 0)}.png"
    expected = drawn(address, picture, method="relevance", overlay=overlay, alpha="0.3")
    with Image.open(download.value.path()) as saved:
        assert saved.convert("RGB").tobytes() == expected.tobytes()


def test_saved_numbers_are_those_of_the_api(page, address, picture):
    choose_and_wait(page, picture)
    saved = saved_scores(page)
    assert saved["scores"] == explain(address, picture)["scores"]
    assert saved["target"]["label"] == label_of(page, 0)


def test_a_saved_picture_of_a_comparison_names_both_classes(page, picture):
    choose_and_wait(page, picture)
    choose_method(page, "legrad")
    page.locator("#versus").select_option(index=1)
    expect(page.locator("#map-title")).to_contain_text("rather than")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save PNG").click()
    name = f"ship-legrad-{label_of(page, 0)}-versus-{label_of(page, 1)}.png"
    assert download.value.suggested_filename == name
