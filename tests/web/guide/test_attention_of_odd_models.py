"""The steps of attention with registers, LayerScale, mean pooling and a grid that is not square."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.guide.recomputed import assert_recomputed
from tests.web.guide.truth import truth_of
from tests.web.guide.visitor import choose_and_wait, open_step, verdict
from tests.web.servers import running_server

STEPS = ("8b", "9", "10", "11", "12", "13", "14", "15", "16")


@pytest.fixture(scope="module")
def odd(browser: Browser, odd_bundles: Path, picture: bytes) -> Iterator[Page]:
    """Give the guide following a picture through that model."""
    with running_server("--bundles", str(odd_bundles)) as (address, _):
        context = browser.new_context(reduced_motion="reduce", locale="en-US")
        page = context.new_page()
        page.goto(f"{address}guide")
        page.locator("#step[data-drawn]").wait_for()
        choose_and_wait(page, picture)
        yield page
        context.close()


def test_every_step_is_true_of_a_model_with_registers_layer_scale_and_mean_pooling(odd):
    for step in STEPS:
        open_step(odd, step, layer=1, head=1, patch=7)
        assert verdict(odd) == "true", step


def test_mean_pooling_is_told_and_the_wall_shows_the_mean_of_the_patches_rows(
    odd, odd_bundles, picture
):
    open_step(odd, "12", layer=1, head=1, patch=7)
    expect(odd.locator(".note")).to_contain_text("reads out the mean of the patches")
    open_step(odd, "14", layer=1, head=1, patch=7)
    expect(odd.locator(".note")).to_contain_text("mean of the patches' rows")
    seen = truth_of(picture, odd_bundles).readout_attention[1, 1]
    assert_recomputed(odd, seen[7])


def test_registers_and_layer_scale_are_told(odd):
    open_step(odd, "11", layer=1, head=1, patch=7)
    expect(odd.locator("#drawing")).to_contain_text("the class token and the registers")
    open_step(odd, "10", layer=1, head=1, patch=7, cell="1.0")
    expect(odd.locator(".pair figcaption p").first).to_have_text("qregister 1")
    open_step(odd, "16", layer=1, patch=7)
    expect(odd.locator(".note")).to_contain_text("LayerScale")
