"""Measuring on the page how true a map is."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.visitor import choose_and_wait, choose_method, explain

MEASURED = "**/explain?*faithfulness=true*"


def measure(page: Page) -> None:
    page.get_by_role("button", name="Measure how true this map is").click()


@pytest.mark.parametrize("method", ["relevance", "rollout", "integrated_gradients"])
def test_measuring_shows_what_the_api_measures(page, address, picture, method):
    choose_and_wait(page, picture)
    choose_method(page, method)
    measure(page)
    expect(page.locator("#faithfulness-result")).to_be_visible()
    measured = explain(address, picture, method=method, faithfulness="true")["faithfulness"]
    expect(page.locator("#verdict")).to_contain_text(f"delta {measured['delta']:.3g}")
    expect(page.locator("#facts")).to_contain_text(f"{measured['comprehensiveness']:.3g}")
    expect(page.locator("#facts")).to_contain_text(f"{measured['sufficiency']:.3g}")
    expect(page.locator("#facts")).to_contain_text(measured["removal"])


def test_the_curves_can_be_read_as_a_table(page, address, picture):
    choose_and_wait(page, picture)
    measure(page)
    page.get_by_text("Show as table").click()
    measured = explain(address, picture, faithfulness="true")["faithfulness"]
    orders = ("most_relevant_first", "least_relevant_first", "random")
    expected = [
        [
            f"{int(share * 100 + 0.5)}%",
            *(f"{measured[order]['curve'][index]:.1%}" for order in orders),
        ]
        for index, share in enumerate(measured["removed"])
    ]
    rows = page.locator("#curve-rows tr").all()
    assert [row.locator("th, td").all_inner_texts() for row in rows] == expected


def test_the_chart_names_its_three_curves_and_its_axes(page, picture):
    choose_and_wait(page, picture)
    measure(page)
    expect(page.locator("#curves polyline")).to_have_count(3)
    for said in ("most relevant", "least relevant", "random", "Probability of", "Patches taken"):
        expect(page.locator("#curves")).to_contain_text(said)
    expect(page.locator("#legend li")).to_have_count(3)


def test_another_question_ends_the_measuring(page, picture):
    choose_and_wait(page, picture)
    held: list[Route] = []
    page.route(MEASURED, lambda route: held.append(route))
    with page.expect_request(MEASURED):
        measure(page)
    expect(page.locator("#measuring")).to_have_text("Measuring …")
    with page.expect_event("requestfailed", lambda request: request == held[0].request):
        page.locator(".bar").nth(1).click()
    expect(page.locator("#measure")).to_have_text("Measure how true this map is")
    expect(page.locator("#faithfulness-result")).to_be_hidden()
    assert page.get_by_role("alert").is_hidden()


def test_measuring_can_be_stopped(page, picture):
    choose_and_wait(page, picture)
    page.route(MEASURED, lambda route: None)
    with page.expect_request(MEASURED):
        measure(page)
    with page.expect_event("requestfailed"):
        page.get_by_role("button", name="Stop measuring").click()
    expect(page.locator("#measuring")).to_be_empty()
    expect(page.locator("#measure")).to_have_text("Measure how true this map is")


def test_what_was_measured_is_there_when_its_map_comes_back(page, picture):
    choose_and_wait(page, picture)
    choose_method(page, "relevance")
    measure(page)
    verdict = page.locator("#verdict")
    expect(verdict).to_be_visible()
    before = verdict.inner_text()
    choose_method(page, "rollout")
    expect(verdict).to_be_hidden()
    page.route(MEASURED, lambda route: route.abort())
    choose_method(page, "relevance")
    expect(verdict).to_have_text(before)


def test_measuring_that_fails_says_so_and_can_be_tried_again(page, picture):
    choose_and_wait(page, picture)
    page.route(MEASURED, lambda route: route.abort())
    measure(page)
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
    page.unroute(MEASURED)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#verdict")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_hidden()
