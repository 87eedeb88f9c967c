"""The guide tells models of the shapes of public checkpoints as they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page, expect

from tests.model.vits import PUBLIC_SHAPES
from tests.web.guide.recomputed import assert_recomputed
from tests.web.guide.truth import Truth, truth_of
from tests.web.guide.visitor import choose_and_wait, open_step, shapes, verdict, wait_for_step
from tests.web.servers import running_server

STEPS = [
    *map(str, range(9)), "8b", *map(str, range(9, 19)), "19b", "19", "20", "21", "22b", "22", "23",
    "24",
]  # fmt: skip
PLACE = {"layer": 1, "head": 1, "patch": 5}
WIDTH = 24
KEY = re.compile(r"\b(step\d+b?|name|mark|shape)_\w+")  # of a text that there is not


@contextmanager
def opened(browser: Browser, bundles: Path, name: str, picture: bytes) -> Iterator[Page]:
    """Open the guide following a picture through one of the models."""
    with running_server("--bundles", str(bundles), "--default-model", name) as (address, _):
        context = browser.new_context(reduced_motion="reduce", locale="en-US")
        page = context.new_page()
        page.goto(f"{address}guide")
        wait_for_step(page, "0")
        choose_and_wait(page, picture)
        yield page
        context.close()


@pytest.fixture(scope="module")
def bare(browser: Browser, public_bundles: Path, picture: bytes) -> Iterator[Page]:
    with opened(browser, public_bundles, "bare", picture) as page:
        yield page


@pytest.fixture(scope="module")
def beside(browser: Browser, public_bundles: Path, picture: bytes) -> Iterator[Page]:
    with opened(browser, public_bundles, "beside", picture) as page:
        yield page


@pytest.fixture(scope="module")
def distilled(browser: Browser, public_bundles: Path, picture: bytes) -> Iterator[Page]:
    with opened(browser, public_bundles, "distilled", picture) as page:
        yield page


@pytest.fixture(params=PUBLIC_SHAPES)
def page(request: pytest.FixtureRequest) -> Page:
    page: Page = request.getfixturevalue(request.param)
    return page


@pytest.fixture
def truth(public_bundles: Path, picture: bytes) -> Callable[[str], Truth]:
    """Give a function that computes what a model makes of the picture, by torch."""
    return lambda name: truth_of(picture, public_bundles / name / "1")


def test_every_step_is_drawn_and_true(page: Page) -> None:
    for step in STEPS:
        open_step(page, step, **PLACE)
        assert verdict(page) == "true", step


def test_nothing_but_patches_is_counted_where_there_is_nothing_else(bare: Page, truth) -> None:
    open_step(bare, "6", **PLACE, cell="0.3")
    expect(bare.locator("#step-title")).to_have_text("No class token comes first")
    expect(bare.locator("#step-text")).to_contain_text("This model has none")
    expect(bare.locator(".token-count")).to_have_text("16 patches = 16 tokens")
    assert shapes(bare) == ["16 \u00d7 24"]
    assert_recomputed(bare, truth("bare").steps.patch_embeddings[0, 0, 3])
    expect(bare.locator("#drawing")).not_to_contain_text("grey picture")
    open_step(bare, "7", **PLACE)
    assert shapes(bare) == ["16 \u00d7 24", "16 \u00d7 16"]
    open_step(bare, "11", **PLACE)
    expect(bare.locator("#drawing")).not_to_contain_text("class token")


def test_without_a_class_token_the_pinned_patch_collects(bare: Page, truth) -> None:
    open_step(bare, "12", **PLACE, cell="5.2")
    expect(bare.locator("#step-title")).to_have_text("What your patch collects")
    expect(bare.locator("#step-text")).to_contain_text("here is the row of your patch")
    assert_recomputed(bare, truth("bare").values(1).context[0, 1, 5, 2])


def test_the_mean_is_taken_first_and_normed_then(bare: Page, truth) -> None:
    steps = truth("bare").steps
    open_step(bare, "22", **PLACE, cell="0.7")
    expect(bare.locator("#drawing")).to_contain_text("This model has no class token")
    expect(bare.locator(".note")).to_contain_text("it is normed once more")
    assert_recomputed(bare, steps.pooled[0, 7])
    open_step(bare, "22b", **PLACE, cell="0.7")
    expect(bare.locator("#step-text")).to_contain_text("the other way round")
    expect(bare.locator("#drawing")).to_contain_text("The mean of the patches, m")
    assert_recomputed(bare, steps.readout[0, 7])
    assert shapes(bare) == ["24"] * 3


@pytest.mark.parametrize("feature", [3, WIDTH + 3])
def test_both_halves_of_a_readout_are_what_they_come_from(
    beside: Page, distilled: Page, truth, feature
) -> None:
    for page, name in ((beside, "beside"), (distilled, "distilled")):
        open_step(page, "22", **PLACE, cell=f"0.{feature}")
        assert_recomputed(page, truth(name).steps.readout[0, feature])
        assert shapes(page)[1] == "48"
    formula = distilled.locator("#drawing .formula")
    expect(formula).to_contain_text(f"r[{feature}] = Y[{feature // WIDTH}, 3]")


def test_what_each_half_adds_to_a_logit_is_told(beside: Page, truth) -> None:
    known = truth("beside")
    best = int(known.steps.logits[0].argmax())
    products = known.steps.readout[0] * known.checkpoint.model.head.weight[best]
    open_step(beside, "23", **PLACE)
    told = beside.locator("#drawing", has_text="from the class token, features 0 to 23")
    for half in products.split(WIDTH):
        said = f"{half.sum().item():+.4f}".replace("-", "\u2212")
        expect(told).to_contain_text(said)


def test_the_norm_before_the_first_layer_is_told(beside: Page, truth) -> None:
    open_step(beside, "8", **PLACE, cell="8.4")
    expect(beside.locator("#step-text")).to_contain_text("norms every token of the sum")
    entered = truth("beside").values(0).tokens[0, 8]
    mean, spread = entered.mean().item(), entered.std(correction=0).item()
    moments = beside.locator(".layer-norm figcaption .muted").last.inner_text()
    found = [float(said.split(" = ")[1].replace("\u2212", "-")) for said in moments.split(", ")]
    assert found == pytest.approx([mean, spread], abs=1e-4)


def test_registers_are_counted_from_the_first(beside: Page) -> None:
    open_step(beside, "6", **PLACE)
    count = "1 class token + 2 registers + 16 patches = 19 tokens"
    expect(beside.locator(".token-count")).to_have_text(count)
    expect(beside.locator(".note").first).to_contain_text("beside it, from the mean of the patches")
    assert beside.locator(".tag").all_inner_texts() == ["CLS", "R1", "R2"]


def test_a_distillation_token_has_its_name(distilled: Page, truth) -> None:
    open_step(distilled, "6", **PLACE, cell="1.2")
    count = "1 class token + 1 distillation token + 16 patches = 18 tokens"
    expect(distilled.locator(".token-count")).to_have_text(count)
    expect(distilled.locator(".note")).to_contain_text("A distillation token follows")
    assert distilled.locator(".tag").all_inner_texts() == ["CLS", "DIST"]
    learned = truth("distilled").checkpoint.model.reg_token[0, 0]
    assert_recomputed(distilled, learned[2].detach())
    distilled.get_by_role("button", name="Ask about a grey picture").click()
    said = distilled.locator("#drawing [role=status]")
    expect(said).to_contain_text("(class token, distillation token): largest difference 0.")
    open_step(distilled, "7", **PLACE)
    expect(distilled.locator(".note")).to_contain_text("was added to it for good")
    open_step(distilled, "21", **PLACE)
    expect(distilled.locator("#drawing")).to_contain_text("This model has no register tokens")


def test_the_attention_of_two_is_the_mean_of_both(beside: Page, distilled: Page, truth) -> None:
    for page, name in ((beside, "beside"), (distilled, "distilled")):
        open_step(page, "14", **PLACE)
        assert_recomputed(page, truth(name).readout_attention[1, 1, 5])
        expect(page.locator(".note")).to_contain_text("side by side")


@pytest.mark.parametrize("name", PUBLIC_SHAPES)
def test_the_prediction_after_a_layer_is_that_of_the_model(
    request: pytest.FixtureRequest, truth, name
) -> None:
    page = request.getfixturevalue(name)
    known = truth(name)
    with torch.no_grad():
        model = known.checkpoint.model
        logits = model.head(model.read_out(known.values(0).output))
    open_step(page, "21", layer=0, patch=5)
    assert_recomputed(page, logits.max())


def test_each_step_speaks_korean_of_every_shape(
    browser: Browser, public_bundles: Path, picture: bytes
) -> None:
    for name in PUBLIC_SHAPES:
        with running_server("--bundles", str(public_bundles), "--default-model", name) as served:
            context = browser.new_context(reduced_motion="reduce", locale="ko-KR")
            page = context.new_page()
            page.goto(f"{served[0]}guide")
            wait_for_step(page, "0")
            choose_and_wait(page, picture)
            for step in ("6", "7", "8", "11", "12", "14", "21", "22b", "22", "23"):
                open_step(page, step, **PLACE)
                assert verdict(page) == "true"
                assert not KEY.search(page.locator("#stage").inner_text()), (name, step)
            context.close()
