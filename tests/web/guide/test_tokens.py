"""The steps from the pixels of a patch to the transformer's input, compared with torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Locator, Page, expect
from torch.nn.functional import cosine_similarity

from service.contract import Preprocessing
from service.decoding import ImageLimits, decode_image
from service.preprocess import fit
from tests.web.guide.truth import Truth, truth_of
from tests.web.guide.visitor import choose_and_wait, numbers, open_step, verdict
from tests.web.servers import running_server

PATCH, SIDE = 27, 4
AREA = SIDE * SIDE
CLOSE = 6e-4  # four digits are written
SAME = 1e-5  # seven in the check
STEPS = ("3", "4", "5", "6", "7", "8")
KEYS = re.compile(r"\b(step\d+_\w+|tokens_\w+)")


@pytest.fixture
def see(open_guide: Callable[..., Page], address: str, picture: bytes) -> Callable[..., Page]:
    """Give a function that opens a step with the picture, and perhaps a cell focused."""

    def see(step: str, cell: str = "", at: str = address, **options) -> Page:
        page = open_guide(f"step={step}", at=at, **options)
        choose_and_wait(page, picture)
        turn_to(page, step, cell)
        return page

    return see


def turn_to(page: Page, step: str, cell: str = "") -> None:
    open_step(page, step, patch=PATCH, **({"cell": cell} if cell else {}))
    page.wait_for_load_state("networkidle")
    assert verdict(page) == "true"


@pytest.fixture(scope="session")
def truth(picture: bytes) -> Truth:
    truth = truth_of(picture)
    truth.checkpoint.model.requires_grad_(False)
    return truth


def value_of(text: str) -> float:
    return float(text.replace("\N{MINUS SIGN}", "-").replace("+", ""))


def checked(page: Page) -> tuple[float, float]:
    """Give what the page recomputed and what was sent."""
    recomputed, sent, _ = numbers(page).values()
    return recomputed, sent


def close(value: float | torch.Tensor):
    return pytest.approx(float(value), abs=CLOSE, rel=CLOSE)


def same(value: float | torch.Tensor):
    return pytest.approx(float(value), abs=SAME, rel=SAME)


def point_at(page: Page, cells: Locator, across: float, down: float) -> None:
    """Point at a place of an element, in shares of its width and height."""
    cells.scroll_into_view_if_needed()
    box = cells.bounding_box()
    assert box
    page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])


def lit(cells: Locator) -> tuple[float, float]:
    """Give where the cell that lights up is, in shares of the element's width and height."""
    style = cells.locator("> .lit").evaluate("({style}) => [style.left, style.top].map(parseFloat)")
    return style[0] / 100, style[1] / 100


@pytest.mark.parametrize("language", ["en-US", "ko-KR"])
def test_every_step_is_drawn_and_true_in_both_languages(see, language):
    page = see("3", locale=language)
    for step in STEPS:
        turn_to(page, step)
        expect(page.locator("#rail [aria-current=step]")).to_contain_text(step)
        expect(page.locator("#drawing > *").first).to_be_visible()
        assert not KEYS.findall(page.locator("#step").inner_text())
        assert ("패치" in page.locator("#step").inner_text()) == (language == "ko-KR")


@pytest.mark.parametrize("index", [0, 6, AREA + 9, 3 * AREA - 1])
def test_3_a_number_of_the_vector_is_the_channel_of_the_pixel_that_it_says(
    see, truth, picture, index
):
    page = see("3", f"{PATCH}.{index}")
    recomputed, sent = checked(page)
    vector = truth.steps.patches[0, PATCH]
    assert recomputed == same(vector[index])
    assert sent == same(vector[index])
    rules = Preprocessing.model_validate(truth.checkpoint.preprocessing)
    fitted = fit(decode_image(picture, ImageLimits(), at_least=rules.size), rules)
    channel, row, column = index // AREA, index % AREA // SIDE, index % SIDE
    pixel = fitted.getpixel((PATCH % 8 * SIDE + column, PATCH // 8 * SIDE + row))
    rows = page.locator(".pixel-table tbody tr").all()
    for at, line in enumerate(rows):
        level, value, place = map(value_of, line.locator("td").all_inner_texts())
        assert level == pixel[at]
        assert value == close(vector[int(place)])
        assert place == at * AREA + index % AREA
    expect(rows[channel]).to_have_class(re.compile("held"))


def test_3_a_pixel_and_its_numbers_light_up_together_both_ways(see):
    page = see("3")
    picture = page.locator(".whole .picker")
    green = page.locator(".channel.green .segment .picker")
    point_at(page, picture, 2.5 / SIDE, 1.5 / SIDE)
    for channel in ("red", "green", "blue"):
        assert lit(page.locator(f".channel.{channel} .segment .picker")) == (6 / AREA, 0)
        assert lit(page.locator(f".channel.{channel} .square .picker")) == (2 / SIDE, 1 / SIDE)
    point_at(page, green, 9.5 / AREA, 0.5)
    assert lit(picture) == (1 / SIDE, 2 / SIDE)
    expect(page.locator(".channel.red .segment .lit")).to_be_hidden()
    expect(page.locator(".pixel-table tr.held")).to_contain_text(str(AREA + 9))


def test_3_the_keys_walk_along_the_vector_and_choose(see, truth):
    page = see("3")
    slider = page.get_by_role("slider", name="The blue numbers of the vector")
    slider.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    said = slider.get_attribute("aria-valuetext") or ""
    assert said.startswith(f"number {2 * AREA + 3}: blue, row 0, column 3")
    assert lit(page.locator(".whole .picker")) == (3 / SIDE, 0)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"cell={PATCH}\.{2 * AREA + 3}"))
    expect(page.locator("#check-formula")).to_contain_text("/ 255 \N{MINUS SIGN} 0.4462) / 0.2608")
    assert checked(page)[1] == same(truth.steps.patches[0, PATCH, 2 * AREA + 3])


def test_4_a_feature_is_the_patch_times_its_filter_added_up_channel_by_channel(see, truth):
    feature = 101
    page = see("4", f"{PATCH}.{feature}")
    projection = truth.checkpoint.model.patch_embed.proj
    products = truth.steps.patches[0, PATCH] * projection.weight[feature].flatten()
    expected = [*products.reshape(3, -1).sum(dim=1), projection.bias[feature]]
    expected.append(truth.steps.patch_embeddings[0, PATCH, feature])
    shown = page.locator(".product .amount").all_inner_texts()
    assert [value_of(amount) for amount in shown] == [close(amount) for amount in expected]
    assert checked(page) == (same(expected[-1]), same(expected[-1]))
    point_at(page, page.locator(".product tr.green .picker").nth(1), 1.5 / SIDE, 2.5 / SIDE)
    index = AREA + 9
    parts = page.locator(".product + .readout").inner_text().split(": ")[1]
    value, weight, product = map(value_of, re.split("[\N{MULTIPLICATION SIGN}=]", parts))
    assert value == close(truth.steps.patches[0, PATCH, index])
    assert weight == close(projection.weight[feature].flatten()[index])
    assert product == close(products[index])


def test_4_another_filter_is_chosen_in_the_gallery_with_the_keys(see, truth):
    page = see("4", f"{PATCH}.0")
    gallery = page.get_by_role("slider", name="192 filters")
    gallery.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#check-formula")).to_contain_text("b[2]")
    assert checked(page)[1] == same(truth.steps.patch_embeddings[0, PATCH, 2])
    expect(page.get_by_role("slider", name="192 filters")).to_be_focused()


def test_4_at_first_the_strongest_feature_of_the_patch_is_shown(see, truth):
    page = see("4")
    strongest = int(truth.steps.patch_embeddings[0, PATCH].abs().argmax())
    expect(page.locator("#check-formula")).to_contain_text(f"b[{strongest}]")


def test_5_every_cell_is_checked_and_the_maps_read_out_the_models_own_numbers(see, truth):
    page = see("5", "12.100")
    embeddings = truth.steps.patch_embeddings[0]
    assert checked(page) == (same(embeddings[12, 100]), same(embeddings[12, 100]))
    for label, expected in (
        ("Feature 100 in every patch", embeddings[:, 100]),
        ("Which patches resemble yours?", cosine_similarity(embeddings, embeddings[PATCH], dim=1)),
    ):
        figure = page.locator("figure", has=page.locator(f'[aria-label="{label}"]'))
        figure.locator(f'[aria-label="{label}"]').focus()
        page.keyboard.press("ArrowDown")
        said = figure.locator("output").inner_text()
        assert said.startswith("patch 35 (row 4, column 3)")
        assert value_of(said.split(": ")[1]) == close(expected[35])


def test_6_the_class_token_is_first_and_the_same_for_every_picture(see, truth):
    page = see("6", "0.5")
    expect(page.locator(".token-count")).to_have_text("1 class token + 64 patches = 65 tokens")
    token = truth.checkpoint.model.cls_token[0, 0]
    assert checked(page) == (same(token[5]), same(token[5]))
    expect(page.locator(".note")).to_contain_text("the answer is read from this token")
    page.get_by_role("button", name="Ask about a grey picture").click()
    status = page.locator("#drawing [role=status]")
    expect(status).to_contain_text("Class token: largest difference 0.")
    rest = status.inner_text().split()[-1].rstrip(".")
    assert value_of(rest) > 0.1


def test_6_a_patch_of_the_sequence_is_pinned_by_a_click(see):
    page = see("6")
    tiles = page.get_by_role("slider", name="The sequence of tokens")
    tiles.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert tiles.get_attribute("aria-valuetext") == "token 31: patch 30 (row 3, column 6)"
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("patch=30"))


def test_7_the_similarity_of_positions_is_that_of_the_models_own(see, truth):
    page = see("7", f"{1 + PATCH}.8")
    learned = truth.checkpoint.model.pos_embed[0]
    assert checked(page) == (same(learned[1 + PATCH, 8]), same(learned[1 + PATCH, 8]))
    alike = cosine_similarity(learned[1:], learned[1 + PATCH], dim=1)
    label = "Places that resemble yours"
    figure = page.locator("figure", has=page.locator(f'[aria-label="{label}"]'))
    figure.locator(f'[aria-label="{label}"]').focus()
    page.keyboard.press("ArrowUp")
    said = figure.locator("output").inner_text()
    assert value_of(said.split(": ")[1]) == close(alike[PATCH - 8])
    others = alike.clone()
    others[PATCH] = -1
    expect(page.get_by_text("Most similar is")).to_contain_text(f"patch {int(others.argmax())} ")
    wall = page.get_by_role("slider", name="The maps of all places")
    wall.focus()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("patch=24"))


@pytest.mark.parametrize("token", [0, 1 + PATCH])
def test_8_embedding_plus_position_is_what_the_model_got(see, truth, token):
    feature = 77
    page = see("8", f"{token}.{feature}")
    model, steps = truth.checkpoint.model, truth.steps
    embeddings = torch.cat([model.cls_token[0], steps.patch_embeddings[0]])
    parts = (embeddings, model.pos_embed[0], steps.embedded[0])
    expected = [part[token, feature] for part in parts]
    shown = page.locator(".arithmetic b").all_inner_texts()
    assert [value_of(one) for one in shown] == [close(one) for one in expected]
    assert checked(page) == (same(expected[2]), same(expected[2]))
    strips = page.locator(".named-strips .picker")
    strips.focus()
    page.keyboard.press("ArrowRight")
    shown = page.locator(".arithmetic b").all_inner_texts()
    assert value_of(shown[2]) == close(steps.embedded[0, token, feature + 1])


@pytest.fixture(scope="module")
def odd(odd_bundles: Path) -> Iterator[str]:
    with running_server("--bundles", str(odd_bundles)) as (address, _):
        yield address


def test_registers_and_mean_pooling_are_told_truly(see, odd, odd_bundles, picture):
    register = truth_of(picture, odd_bundles).checkpoint.model.reg_token[0, 1].detach()
    page = see("6", "2.3", odd)
    count = "1 class token + 2 registers + 15 patches = 18 tokens"
    expect(page.locator(".token-count")).to_have_text(count)
    notes = page.locator(".note")
    expect(notes.first).to_contain_text("the mean of the patches")
    expect(notes.nth(1)).to_contain_text("2 registers follow")
    assert checked(page) == (same(register[3]), same(register[3]))
    turn_to(page, "7", "2.3")
    expect(page.locator(".note")).to_contain_text("Registers have no position")
    assert checked(page) == (0, 0)
    turn_to(page, "8", "2.3")
    shown = [value_of(one) for one in page.locator(".arithmetic b").all_inner_texts()]
    assert shown == [close(register[3]), 0, close(register[3])]
