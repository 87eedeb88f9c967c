"""The chapter "block": steps 17 to 21, compared with what the bundle's own model computes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Locator, Page, expect
from torch import Tensor

from tests.web.guide.truth import Truth, truth_of
from tests.web.guide.visitor import choose_and_wait, numbers, open_step, shapes, verdict
from tests.web.servers import running_server

LAYER, PATCH = 3, 27
TOKEN = 1 + PATCH
SENT, COMPUTED = "Sent by the model", "Computed here"
CLOSE = 2e-4


@pytest.fixture
def truth(picture: bytes) -> Truth:
    return truth_of(picture)


@pytest.fixture
def followed(open_guide, picture: bytes) -> Page:
    """The guide with the picture followed, at a patch and a layer of this chapter."""
    page = open_guide(f"step=17&layer={LAYER}&patch={PATCH}")
    choose_and_wait(page, picture)
    return page


def at(page: Page, step: str, layer: int = LAYER, patch: int = PATCH, **view: str) -> Locator:
    open_step(page, step, layer=layer, patch=patch, **view)
    return page.locator("#drawing")


def number_in(said: str) -> float:
    return float(said.replace("\u2212", "-").rstrip("%"))


def table_of(place: Locator, name: str) -> dict[str, list[float]]:
    """Open a table of a drawing and give its rows of numbers by their names."""
    place.get_by_text("Show as table").click()
    table = place.get_by_role("table", name=name)
    expect(table.locator("td").last).to_be_attached()  # it is filled when it is opened
    rows = table.locator("tbody tr:not(.spacer)").all()
    return {
        row.locator("th").inner_text(): [
            number_in(td) for td in row.locator("td").all_inner_texts()
        ]
        for row in rows
    }


def ratios(added: Tensor, to: Tensor) -> Tensor:
    return added.norm(dim=-1) / to.norm(dim=-1)


def test_a_cell_of_the_first_residual_is_the_sum_of_its_two_parts(followed, truth):
    drawing = at(followed, "17", cell=f"{TOKEN}.5")
    values = truth.values(LAYER)
    expected = [
        value[0, TOKEN, 5].item() for value in (values.tokens, values.projection, values.attended)
    ]
    shown = drawing.locator(".cell-term b").all_inner_texts()
    assert [number_in(one) for one in shown] == pytest.approx(expected, rel=1e-3)
    assert verdict(followed) == "true"
    assert numbers(followed)[SENT] == pytest.approx(expected[2], rel=CLOSE)
    assert shapes(followed) == ["65 \u00d7 192"] * 3


def test_a_click_on_one_of_the_three_matrices_looks_at_that_cell_in_all(followed, truth):
    drawing = at(followed, "17")
    cells = drawing.locator(".addition .cells").nth(1)
    box = cells.bounding_box()
    cells.click(position={"x": box["width"] * 0.5, "y": box["height"] * (10.5 / 65)})
    expect(followed).to_have_url(re.compile(r"cell=10\.96"))
    expect(drawing.locator(".cell-sum")).to_contain_text("feature 96")
    shown = drawing.locator(".cell-term b").all_inner_texts()
    assert number_in(shown[1]) == pytest.approx(
        truth.values(LAYER).projection[0, 10, 96].item(), rel=1e-3
    )


def test_the_triangle_has_the_true_lengths_and_the_true_angle(followed, truth):
    drawing = at(followed, "18")
    values = truth.values(LAYER)
    token, added, total = (
        value[0, TOKEN] for value in (values.tokens, values.projection, values.attended)
    )
    cosine = torch.cosine_similarity(token, added, dim=0).item()
    said = drawing.locator(".triangle").get_attribute("aria-label")
    lengths = [number_in(one) for one in re.findall(r"\d+\.\d+", said)]
    expected = [vector.norm().item() for vector in (token, added, total)]
    assert lengths == pytest.approx(expected, rel=1e-3)
    assert f"{math.degrees(math.acos(cosine)):.0f}\u00b0" in said
    assert numbers(followed)[SENT] == pytest.approx(expected[2], rel=CLOSE)
    assert verdict(followed) == "true"


def test_how_much_attention_changes_every_patch_is_painted_on_the_picture(followed, truth):
    drawing = at(followed, "18")
    values = truth.values(LAYER)
    expected = ratios(values.projection[0], values.tokens[0])
    shown = [number_in(one) for one in drawing.locator(".ratio-table td").all_inner_texts()]
    patches = expected[1:]
    median = patches.quantile(0.5).item()
    assert shown == pytest.approx([expected[0].item(), patches[PATCH].item(), median], rel=5e-3)
    expect(drawing.locator(".ratio-map output")).to_contain_text(f"{patches[PATCH]:.3f}"[:5])
    most = drawing.locator(".pin").first
    expect(most).to_contain_text(f"patch {patches.argmax().item()} ")
    most.click()
    expect(followed).to_have_url(re.compile(f"patch={patches.argmax().item()}(&|$)"))


def test_the_second_norm_is_recomputed(followed, truth):
    drawing = at(followed, "19b", cell=f"{TOKEN}.7")
    expected = truth.values(LAYER).norm2[0, TOKEN, 7].item()
    assert numbers(followed)[COMPUTED] == pytest.approx(expected, rel=CLOSE, abs=1e-4)
    assert verdict(followed) == "true"
    formula = drawing.locator(".formula").inner_text()
    assert number_in(formula.rsplit("=", 1)[1]) == pytest.approx(expected, rel=1e-3)


def test_a_hidden_unit_is_recomputed_from_the_norm_to_gelu(followed, truth):
    drawing = at(followed, "19", cell=f"{TOKEN}.17")
    values = truth.values(LAYER)
    hidden, activation = (
        value[0, TOKEN, 17].item() for value in (values.hidden, values.activation)
    )
    assert numbers(followed)[COMPUTED] == pytest.approx(activation, rel=CLOSE, abs=1e-5)
    assert verdict(followed) == "true"
    expect(drawing.locator(".unit-sum .total")).to_be_visible()
    shown = drawing.locator(".unit-sum .total").inner_text().replace("\u2212", "-")
    assert [float(one) for one in re.findall(r"-?\d+\.\d+", shown)] == pytest.approx(
        [hidden, hidden], rel=1e-3
    )
    assert shapes(followed) == ["65 \u00d7 192", "192 \u00d7 768", "65 \u00d7 768", "65 \u00d7 768"]


def test_the_strongest_hidden_units_are_offered_and_the_active_ones_counted(followed, truth):
    drawing = at(followed, "19")
    activation = truth.values(LAYER).activation[0, TOKEN]
    strongest = activation.topk(6).indices.tolist()
    offered = drawing.locator(".unit").all_inner_texts()
    assert [int(one.split(":")[0]) for one in offered] == strongest
    hidden = truth.values(LAYER).hidden[0]
    said = drawing.locator(".active-share").inner_text()
    shares = [(hidden[TOKEN] > 0).float().mean().item(), (hidden > 0).float().mean().item()]
    assert re.findall(r"\d+%", said) == [f"{share * 100:.0f}%" for share in shares]
    drawing.locator(".unit").nth(2).click()
    expect(followed).to_have_url(re.compile(rf"cell={TOKEN}\.{strongest[2]}"))
    expect(drawing.locator(".unit").nth(2)).to_have_attribute("aria-pressed", "true")
    expect(drawing.locator(".unit").nth(2)).to_be_focused()


def test_a_unit_that_the_slider_passes_is_painted_at_once(followed, truth):
    drawing = at(followed, "19", cell=f"{TOKEN}.17")
    slider = drawing.get_by_role("slider", name="Hidden unit")
    slider.focus()
    followed.keyboard.press("ArrowRight")
    expect(slider).to_have_value("18")
    expect(drawing.get_by_role("application", name="hidden unit 18")).to_be_visible()
    expected = truth.values(LAYER).activation[0, TOKEN, 18].item()
    shown = drawing.locator(".unit-map output").inner_text().rsplit(":", 1)[1]
    assert number_in(shown) == pytest.approx(expected, rel=1e-2, abs=1e-4)


def test_gelu_and_erf_are_exact_to_the_last_digits(followed):
    places = [step / 8 for step in range(-60, 61)]
    found = followed.evaluate(
        """async (places) => {
          const { erf, gelu } = await import("./web/guide/gelu.js");
          return places.map((place) => [erf(place), gelu(place)]);
        }""",
        places,
    )
    expected = [[math.erf(x), x * 0.5 * math.erfc(-x / math.sqrt(2))] for x in places]
    assert [one for pair in found for one in pair] == pytest.approx(
        [one for pair in expected for one in pair], rel=0, abs=1e-14
    )


def test_the_layers_output_is_the_second_sum_and_both_halves_are_compared(followed, truth):
    drawing = at(followed, "20", cell=f"{TOKEN}.5")
    values = truth.values(LAYER)
    fed = values.output - values.attended
    assert numbers(followed)[SENT] == pytest.approx(values.output[0, TOKEN, 5].item(), rel=CLOSE)
    assert verdict(followed) == "true"
    shown = drawing.locator(".ratio-table .own td").all_inner_texts()
    expected = [
        ratios(values.projection[0, TOKEN], values.tokens[0, TOKEN]).item(),
        ratios(fed[0, TOKEN], values.attended[0, TOKEN]).item(),
    ]
    assert [number_in(one) for one in shown] == pytest.approx(expected, rel=5e-3)
    assert shapes(followed) == ["65 \u00d7 192"] * 3


def test_the_prediction_after_each_layer_is_that_of_the_final_norm_and_head(followed, truth):
    drawing = at(followed, "21")
    model = truth.checkpoint.model
    with torch.no_grad():
        logits = torch.stack(
            [model.head(model.read_out(block.output))[0] for block in truth.steps.blocks]
        )
    probabilities = logits.softmax(dim=-1)
    place = drawing.locator(".section", has_text="The prediction after each layer")
    table = table_of(place, "Probability of the leading classes after each layer")
    names = place.locator("thead th").all_inner_texts()
    classes = [truth.checkpoint.labels.index(name) for name in names]
    assert classes[0] == probabilities[-1].argmax()
    for layer, row in enumerate(table.values()):
        expected = (probabilities[layer, classes] * 100).tolist()
        assert row == pytest.approx(expected, abs=0.06)
    best = probabilities[LAYER].argmax().item()
    expect(place).to_contain_text(f"it says {truth.checkpoint.labels[best]}")
    assert numbers(followed)[COMPUTED] == pytest.approx(logits[LAYER, best].item(), rel=CLOSE)
    assert verdict(followed) == "true"


def test_the_attention_of_each_layer_is_the_mean_of_its_heads(followed, truth):
    drawing = at(followed, "21")
    mean = truth.readout_attention.mean(dim=1)
    tiles = drawing.locator(".layer-tile")
    shares = [re.search(r"\d+%", one).group() for one in tiles.all_inner_texts()]
    assert shares == [f"{share * 100:.0f}%" for share in mean.sum(dim=1).tolist()]
    tiles.nth(1).click()
    expect(followed).to_have_url(re.compile("layer=1&"))
    expect(drawing.locator(".layer-tile").nth(1)).to_have_attribute("aria-pressed", "true")
    said = drawing.locator(".section", has_text="What the class token attends to").locator("output")
    assert number_in(said.inner_text().rsplit(":", 1)[1]) == pytest.approx(
        mean[1, PATCH].item(), rel=1e-2, abs=1e-4
    )


def test_high_norm_tokens_are_those_that_the_rule_names(followed, truth):
    norms = torch.stack([block.output[0].norm(dim=-1) for block in truth.steps.blocks])
    for layer in range(len(norms)):
        drawing = at(followed, "21", layer=layer)
        patches = norms[layer, 1:]
        median = patches.quantile(0.5)
        deviation = (patches - median).abs().quantile(0.5).clamp(min=0.01 * median)
        high = (patches > median + 5 * deviation).nonzero().flatten().tolist()
        place = drawing.locator(".section", has_text="How long the tokens are")
        expect(place.locator(".verdict")).to_contain_text(f"after layer {layer}")
        assert place.locator(".dotted").count() == len(high)
        named = place.locator(".pins .pin span").all_inner_texts()
        longest = sorted(high, key=lambda patch: -patches[patch])[:6]
        assert [int(name.split()[1]) for name in named] == longest


def test_the_norms_of_every_layer_are_tabulated(followed, truth):
    drawing = at(followed, "21")
    norms = torch.stack([block.output[0].norm(dim=-1) for block in truth.steps.blocks])
    place = drawing.locator(".section", has_text="How long the tokens are")
    table = list(table_of(place, "Norm of the class token").values())
    expected = torch.stack([norms[:, 0], norms[:, TOKEN], norms[:, 1:].quantile(0.5, dim=1)], dim=1)
    assert [one for row in table for one in row] == pytest.approx(
        expected.flatten().tolist(), rel=5e-3
    )


def test_the_patchs_own_way_is_compared_with_before_and_with_the_start(followed, truth):
    drawing = at(followed, "21")
    rows = [block.output[0, TOKEN] for block in truth.steps.blocks]
    start = truth.steps.embedded[0, TOKEN]
    before = torch.cosine_similarity(rows[LAYER], rows[LAYER - 1], dim=0).item()
    since = torch.cosine_similarity(rows[LAYER], start, dim=0).item()
    place = drawing.locator(".section", has_text="Your patch on its way")
    expect(place.locator("svg.depth-chart").first).to_be_visible()
    table = table_of(place, "Cosine similarity")
    assert table[f"layer {LAYER}"] == pytest.approx([before, since], abs=2e-3)


def test_there_is_no_walk_for_those_who_want_less_motion(followed):
    drawing = at(followed, "21")
    expect(drawing.locator(".layer-tile").first).to_be_visible()
    assert drawing.locator(".walk").count() == 0


def test_the_walk_goes_through_the_layers_and_pauses(browser: Browser, address):
    context = browser.new_context(reduced_motion="no-preference")
    page = context.new_page()
    page.goto(f"{address}guide#step=21&layer=1")
    page.get_by_role("button", name="Walk through the layers").click()
    expect(page).to_have_url(re.compile("layer=2&"))
    expect(page).to_have_url(re.compile("layer=3&"))
    button = page.get_by_role("button", name="Pause")
    expect(button).to_be_focused()
    button.click()
    expect(page.get_by_role("button", name="Walk through the layers")).to_be_visible()
    stood = page.url
    page.wait_for_timeout(2500)  # longer than the walk stays on a layer
    assert page.url == stood
    context.close()


def test_another_layer_chosen_by_hand_ends_the_walk(browser: Browser, address):
    context = browser.new_context(reduced_motion="no-preference")
    page = context.new_page()
    page.goto(f"{address}guide#step=21&layer=0")
    page.get_by_role("button", name="Walk through the layers").click()
    expect(page).to_have_url(re.compile("layer=1&"))
    page.locator(".layer-tile").nth(4).click()
    expect(page.get_by_role("button", name="Walk through the layers")).to_be_visible()
    page.wait_for_timeout(2500)
    expect(page).to_have_url(re.compile("layer=4&"))
    context.close()


@pytest.fixture(scope="module")
def odd_address(odd_bundles: Path) -> Iterator[str]:
    with running_server("--bundles", str(odd_bundles)) as (address, _):
        yield address


def test_every_step_is_true_of_a_model_with_registers_layer_scale_and_mean_pooling(
    open_guide, odd_address, odd_bundles, picture
):
    page = open_guide("step=17&layer=1&patch=6", odd_address)
    choose_and_wait(page, picture)
    truth = truth_of(picture, odd_bundles)
    values, block, token = truth.values(1), truth.block(1), 3 + 6
    drawing = at(page, "17", layer=1, patch=6, cell=f"{token}.2")
    shown = [number_in(one) for one in drawing.locator(".cell-term b").all_inner_texts()]
    assert shown == pytest.approx(
        [
            values.tokens[0, token, 2].item(),
            block.ls1.gamma[2].item(),
            values.projection[0, token, 2].item(),
            values.attended[0, token, 2].item(),
        ],
        rel=1e-3,
    )
    expect(drawing).to_contain_text("This model has LayerScale")
    for step in ("17", "18", "19b", "19", "20", "21"):
        drawing = at(page, step, layer=1, patch=6)
        assert verdict(page) == "true", step
    expect(drawing).to_contain_text("This model reads the mean of its patches")
    expect(drawing).to_contain_text("This model has register tokens: 2")
    expect(drawing).to_contain_text("What the patches attend to on average")
    assert shapes(page)[2] == "3 \u00d7 18"


@pytest.mark.parametrize("step", ["17", "18", "19b", "19", "20", "21"])
def test_each_step_speaks_korean(open_guide, step):
    page = open_guide(f"step={step}", locale="ko-KR")
    title = page.locator("#step-title").inner_text()
    assert re.search(r"[\uac00-\ud7a3]", title)
    assert not re.search(r"\b(step\d+b?|block)_\w+", page.locator("#stage").inner_text())
    assert verdict(page) == "true"


@pytest.mark.parametrize("step", ["17", "18", "19b", "19", "20", "21"])
def test_nothing_is_wider_than_a_narrow_phone(open_guide, step):
    page = open_guide(f"step={step}", viewport={"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
