"""The chapter "answer": final norm, readout, head and loss, compared with the model itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page, Route, expect
from torch import Tensor
from torch.nn import functional

from model.export import export_bundle
from service.settings import EMBEDDED_BUNDLES
from tests.exported import exported_once
from tests.model.pets import checkpoint
from tests.model.vits import small_vit
from tests.web.conftest import PATIENCE_MILLISECONDS
from tests.web.guide.truth import Truth, truth_of
from tests.web.guide.visitor import (
    choose_and_wait,
    numbers,
    open_step,
    shapes,
    verdict,
    wait_for_step,
)
from tests.web.servers import running_server
from tests.web.visitor import explain

CONTRACT = json.loads(next(EMBEDDED_BUNDLES.glob("*/*/contract.json")).read_text())
PROVENANCE = CONTRACT["provenance"]
LABELS = CONTRACT["labels"]
SHIP, TRUCK, CAT = (LABELS.index(label) for label in ("ship", "truck", "cat"))
THINGS = tuple(f"thing {letter}" for letter in "abcdefghijkl")
CLOSE = 2e-4
SHOWN = 2e-3  # relative: numbers are shown with four digits


@pytest.fixture(scope="module")
def averaging(tmp_path_factory) -> Path:
    """A folder with a bundle that reads the mean of its patches with registers and 12 classes."""
    model = small_vit(width=48, heads=3, classes=12, pooling="mean", registers=2)
    return exported_once(
        tmp_path_factory,
        "averaging",
        lambda bundles: export_bundle(checkpoint(model, THINGS), bundles, "averaging", "1"),
    )


@pytest.fixture(scope="module")
def averaging_address(averaging: Path) -> Iterator[str]:
    with running_server("--bundles", str(averaging)) as (address, _):
        yield address


@pytest.fixture(scope="module")
def page(browser: Browser, address: str, picture: bytes) -> Iterator[Page]:
    """The guide on the picture, opened once: each test goes to its own view, the label included."""
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    page.goto(f"{address}guide")
    wait_for_step(page, "0")
    choose_and_wait(page, picture)
    yield page
    context.close()


@pytest.fixture
def own_page(guide: Page, picture: bytes) -> Page:
    """The same in a context of the test's own, for what others must not see."""
    choose_and_wait(guide, picture)
    return guide


@pytest.fixture
def truth(picture: bytes) -> Truth:
    return truth_of(picture)


@pytest.fixture
def logits(truth: Truth) -> Tensor:
    return truth.steps.logits[0]


def values(page: Page, selector: str) -> list[float]:
    """Give the exact numbers of `<data>` elements."""
    return page.locator(selector).evaluate_all("all => all.map((data) => Number(data.value))")


def number_in(text: str) -> list[float]:
    """Give the numbers that a text says."""
    found = re.findall(r"[-\u2212]?\d[\d,]*\.?\d*(?:e[-\u2212]?\d+)?", text)
    return [float(one.replace("\u2212", "-").replace(",", "")) for one in found]


def sent_by(page: Page) -> float:
    return numbers(page)["Sent by the model"]


@pytest.mark.parametrize("cell", [(0, 5), (28, 100)], ids=str)
def test_the_final_norm_is_that_of_the_model(page, truth, cell):
    token, feature = cell
    open_step(page, "22b", cell=f"{token}.{feature}")
    expected = truth.steps.norm[0, token, feature].item()
    assert verdict(page) == "true"
    assert sent_by(page) == pytest.approx(expected, abs=CLOSE)
    assert shapes(page) == ["65 \u00d7 192", "192", "65 \u00d7 192"]
    before = truth.steps.blocks[-1].output[0, token, feature].item()
    readouts = page.locator("#drawing .readout").all_inner_texts()
    assert [number_in(said)[-1] for said in readouts] == pytest.approx(
        [before, expected], rel=SHOWN
    )


def test_the_readout_is_the_class_token_s_row(page, truth):
    open_step(page, "22", cell="0.7", patch=27)
    assert verdict(page) == "true"
    assert sent_by(page) == pytest.approx(truth.steps.norm[0, 0, 7].item(), abs=CLOSE)
    assert shapes(page) == ["65 \u00d7 192", "192"]
    expect(page.locator("#drawing")).to_contain_text("the output of the class token: 1 of 65 rows")
    share = truth.readout_attention[-1, :, 27].mean().item()
    expect(page.locator(".own-patch")).to_contain_text(f"{share:.2%} of its attention")


def test_a_feature_of_the_readout_is_chosen_with_the_keyboard(page, truth):
    open_step(page, "22", cell="0.7")
    page.locator("#drawing .plane").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#check-formula")).to_have_text("Y[0, 8]")
    assert sent_by(page) == pytest.approx(truth.steps.readout[0, 8].item(), abs=CLOSE)
    expect(page.locator("#drawing .plane")).to_be_focused()


def test_logits_and_probabilities_are_those_of_the_model(page, logits):
    open_step(page, "23", label=SHIP)
    order = logits.argsort(descending=True).tolist()
    assert page.locator(".ledger-row .name").all_inner_texts() == [LABELS[one] for one in order]
    np.testing.assert_allclose(values(page, ".logit data"), logits[order], atol=CLOSE)
    np.testing.assert_allclose(values(page, ".power data"), logits[order].exp(), rtol=CLOSE)
    np.testing.assert_allclose(values(page, ".share data"), logits.softmax(0)[order], atol=CLOSE)


def test_a_logit_is_summed_over_the_readout(page, logits):
    open_step(page, "23", label=SHIP)
    page.locator(".ledger-row", has_text="cat").click()
    expect(page.locator("#check-formula")).to_have_text("r · W[cat] + b[cat]")
    assert verdict(page) == "true"
    assert sent_by(page) == pytest.approx(logits[CAT].item(), abs=CLOSE)
    said = number_in(page.locator(".sum .total").inner_text())
    assert said == pytest.approx([logits[CAT].item()] * 2, rel=SHOWN, abs=5e-5)  # four decimals
    expect(page).to_have_url(re.compile("label=3"))


def test_a_class_is_explained_as_the_api_does(page, address, picture):
    open_step(page, "23", label=SHIP, patch=27)
    expected = np.array(explain(address, picture, target="ship")["scores"]).ravel()
    own = page.locator(".explanation .own-patch")
    own.wait_for()
    assert float(own.get_attribute("data-score")) == pytest.approx(expected[27], rel=1e-3, abs=1e-6)
    rank = int((expected > expected[27]).sum()) + 1
    expect(own).to_contain_text(f"Rank {rank} of 64")
    open_step(page, "23", label=SHIP, patch=3)
    expect(own).to_contain_text("patch 3")
    assert float(own.get_attribute("data-score")) == pytest.approx(expected[3], rel=1e-3, abs=1e-6)


def test_a_class_is_held_against_another(page, address, picture, logits):
    open_step(page, "23", label=SHIP, patch=27)
    page.get_by_label("Rather than").select_option(str(TRUCK))
    expect(page.locator(".explanation h4")).to_have_text("Why “ship” rather than “truck”")
    expected = np.array(explain(address, picture, target="ship", versus="truck")["scores"]).ravel()
    own = page.locator(".explanation .own-patch")
    assert float(own.get_attribute("data-score")) == pytest.approx(expected[27], rel=1e-3, abs=1e-6)
    difference = (logits[SHIP] - logits[TRUCK]).item()
    said = number_in(page.locator(".sum .total").inner_text())
    assert said == pytest.approx([difference] * 2, rel=SHOWN)
    odds = number_in(page.locator("#drawing").get_by_text("times as probable").inner_text())[-1]
    assert odds == pytest.approx(np.exp(difference), rel=SHOWN)
    expect(page).to_have_url(re.compile(f"cell={SHIP}.{TRUCK}"))


def test_a_method_that_does_not_look_at_the_class_says_so(own_page):
    page = own_page

    def answer(route: Route) -> None:
        response = route.fetch()
        methods = response.json()
        for method in methods:
            method["is_default"] = method["name"] == "rollout"
        route.fulfill(response=response, json=methods)

    page.route("**/explain/methods*", answer)
    open_step(page, "23", label=SHIP, cell=f"{SHIP}.{TRUCK}")
    words = page.locator(".explained-words")
    expect(words).to_contain_text("its map is the same for every class")
    expect(words).to_contain_text("cannot hold one class against another")
    expect(words.locator("h4")).to_have_text("Where the model looks")


def test_a_bundle_without_graphs_for_explanations_says_so(open_guide):
    page = open_guide("step=0")

    def answer(route: Route) -> None:
        response = route.fetch()
        contract = response.json()
        contract["graphs"] |= {"explain": None, "attend": None}
        route.fulfill(response=response, json=contract)

    page.route("**/models/*", answer)
    page.reload()
    open_step(page, "23")
    expect(page.locator("#drawing")).to_contain_text("This bundle has no graphs for explanations")
    expect(page.locator(".ledger-row")).to_have_count(10)


def test_a_refused_explanation_says_why_and_can_be_asked_again(own_page):
    page = own_page
    page.route("**/explain?*", lambda route: route.fulfill(status=503, json={}), times=1)
    open_step(page, "23", label=SHIP)
    again = page.locator(".explanation").get_by_role("button", name="Try again")
    again.click()
    expect(page.locator(".explanation .own-patch")).to_be_visible()


@pytest.mark.parametrize("label", [SHIP, CAT])
def test_the_loss_is_the_cross_entropy_of_the_label_named(page, logits, label):
    open_step(page, "24", label=TRUCK)
    page.locator(".class-choice").get_by_role("button", name=LABELS[label], exact=True).click()
    loss = functional.cross_entropy(logits, torch.tensor(label)).item()
    expect(page.locator("#check-formula")).to_have_text(f"log Σ exp(z) \u2212 z[{LABELS[label]}]")
    assert verdict(page) == "true"
    assert sent_by(page) == pytest.approx(loss, abs=CLOSE)
    assert values(page, ".loss data") == pytest.approx([loss], abs=CLOSE)
    mean = PROVENANCE["metrics"]["test"]["log_loss"]
    side = "below" if loss < mean else "above"
    expect(page.locator(".test-said")).to_contain_text(f"is {side} that mean")
    named = page.locator(".loss-curve .name").all_text_contents()
    assert sorted(number_in(one)[-1] for one in named) == pytest.approx(
        sorted([loss, mean]), rel=SHOWN
    )


def test_the_gradient_is_what_autograd_gives(page, logits):
    open_step(page, "24", label=CAT)
    leaf = logits.clone().requires_grad_()
    functional.cross_entropy(leaf, torch.tensor(CAT)).backward()
    rows = page.locator(".gradient tbody tr")
    assert rows.locator("th").all_inner_texts() == LABELS
    np.testing.assert_allclose(
        values(page, ".gradient td:nth-child(2) data"), logits.softmax(0), atol=CLOSE
    )
    np.testing.assert_allclose(
        values(page, ".gradient td:nth-child(4) data"), leaf.grad, atol=CLOSE
    )
    onehot = [int(said) for said in rows.locator("td:nth-child(3)").all_inner_texts()]
    assert onehot == [int(index == CAT) for index in range(len(LABELS))]


def test_a_step_against_the_gradient_does_what_is_said(page, logits):
    open_step(page, "24", label=CAT)
    slider = page.get_by_label("Step against the gradient")
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")  # from 1 to 1.5
    leaf = logits.clone().requires_grad_()
    functional.cross_entropy(leaf, torch.tensor(CAT)).backward()
    after = logits - 1.5 * leaf.grad
    said = page.locator(".descent [role=status]").inner_text()
    expect(page.locator(".descent output")).to_have_text("1.500")
    assert f"to {after.softmax(0)[CAT]:.2%}" in said
    loss = functional.cross_entropy(after, torch.tensor(CAT)).item()
    assert number_in(said)[-1] == pytest.approx(loss, rel=SHOWN)


def test_the_training_curves_are_those_of_the_card(page):
    open_step(page, "24", label=SHIP)
    charts = page.locator(".training-curves > figure")
    expect(charts).to_have_count(3)
    first, last = PROVENANCE["history"][0], PROVENANCE["history"][-1]
    for index, key in enumerate(("loss", "validation_accuracy", "learning_rate")):
        said = number_in(charts.nth(index).locator("figcaption").inner_text())
        assert said == pytest.approx([first[key], last[key]], rel=1e-2)
    metrics = PROVENANCE["metrics"]["test"]
    said = number_in(page.locator(".test-said p").first.inner_text())
    expected = [
        10_000,
        metrics["top1"] * 100,
        metrics["log_loss"],
        metrics["calibration_error"] * 100,
    ]
    assert said == pytest.approx(expected, rel=1e-2, abs=0.05)


def test_the_confusion_is_that_of_the_card(page):
    open_step(page, "24", label=CAT)
    counts = PROVENANCE["metrics"]["test"]["confusion"][CAT]
    best = sorted(range(len(LABELS)), key=lambda index: -counts[index])[:6]
    said = page.locator(".counts .name").all_inner_texts()
    assert said == [f"{counts[index]} for {LABELS[index]}" for index in best]
    expect(page.locator(".confusion .readout")).to_have_text(
        f"right label cat, model said cat: {counts[CAT]}"
    )


def test_nothing_is_named_before_the_visitor_names_it(open_guide):
    page = open_guide("step=24")
    expect(page.locator(".class-choice [aria-pressed=true]")).to_have_count(0)
    expect(page.locator("#drawing")).to_contain_text("Name the right label above")
    expect(page.locator(".gradient")).to_have_count(0)


def test_mean_pooling_and_an_untold_training_are_told_truly(
    open_guide, averaging_address, averaging, picture
):
    page = open_guide("step=22", averaging_address)
    choose_and_wait(page, picture)
    open_step(page, "22", cell="0.3")
    truth = truth_of(picture, averaging)
    expect(page.locator("#drawing")).to_contain_text("takes the mean of its 16 patches")
    assert verdict(page) == "true"
    assert sent_by(page) == pytest.approx(truth.steps.readout[0, 3].item(), abs=CLOSE)
    open_step(page, "24")
    expect(page.locator("#drawing")).to_contain_text("has no measurement on a test set")
    expect(page.locator("#drawing")).to_contain_text("has no training curves")


def test_a_class_beyond_the_ten_best_is_found_by_its_name(
    open_guide, averaging_address, averaging, picture
):
    page = open_guide("step=24", averaging_address)
    choose_and_wait(page, picture)
    logits = truth_of(picture, averaging).steps.logits[0]
    worst = int(logits.argmin())
    for step in ("23", "24"):
        open_step(page, step, label=int(logits.argmax()))
        page.get_by_label("Find another class").fill(THINGS[worst])
        page.locator(".found").get_by_role("button", name=THINGS[worst]).click()
        pressed = page.locator("#drawing [aria-pressed=true]")
        expect(pressed).to_have_count(1)
        expect(pressed).to_contain_text(THINGS[worst])
        expect(pressed).to_be_focused()
    open_step(page, "23", label=0, cell="0.1")
    said = page.locator(".explained-words")
    expect(said).to_contain_text("Orange speaks for it, blue against it")
    open_step(page, "24", label=worst)
    slopes = values(page, ".gradient td:nth-child(4) data")
    assert len(slopes) == 11
    assert sum(slopes) == pytest.approx(0, abs=1e-6)  # the others' sum is there too


@pytest.mark.parametrize("step", ["22b", "22", "23", "24"])
def test_a_phone_needs_no_scrolling_to_the_side(open_guide: Callable[..., Page], step):
    page = open_guide(f"step={step}&label=3", viewport={"width": 320, "height": 640})
    expect(page.locator("#drawing")).not_to_be_empty()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
