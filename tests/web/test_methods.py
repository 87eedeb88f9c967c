"""What a visitor can ask of the methods, compared with the API's own answers."""

from __future__ import annotations

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, Request, Route, expect

from service.explanation.methods import METHODS
from tests.web.visitor import choose_and_wait, choose_method, explain, label_of, saved_scores

LAST = 5  # the last layer of the embedded model


def is_map_asked(request: Request) -> bool:
    return request.url.partition("?")[0].endswith("/explain")


def asked(request: Request) -> dict[str, str]:
    return dict(httpx.URL(request.url).params)


def answer_with(page: Page, path: str, **changes: object) -> None:
    """Let the page get the server's own answer with some of its values replaced."""

    def answer(route: Route) -> None:
        response = route.fetch()
        said = response.json()
        for item in said if isinstance(said, list) else [said]:
            item |= changes
        route.fulfill(response=response, json=said)

    page.route(path, answer)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_shows_the_scores_that_the_api_gives(page, address, picture, method):
    choose_and_wait(page, picture)
    choose_method(page, method)
    expected = explain(address, picture, method=method)["scores"]
    np.testing.assert_allclose(saved_scores(page)["scores"], expected, rtol=1e-4, atol=1e-7)


def test_every_method_is_described_before_it_is_chosen(page, picture):
    choose_and_wait(page, picture)
    for method in METHODS.values():
        about = page.locator(f"#method-{method.name}-about")
        expect(about).to_be_visible()
        expect(about).to_contain_text(method.summary)
        expect(about).to_contain_text(f"Cost: {method.cost.replace('`', '')}")


def test_measured_faithfulness_stands_beside_its_method_with_its_interval(page, picture):
    delta = {"mean": 0.3124, "low": 0.29, "high": 0.3333}
    measured = {"faithfulness": {"delta": delta}, "measured_on": "1,000 pictures of test"}
    answer_with(page, "**/explain/methods*", **measured)
    choose_and_wait(page, picture)
    said = "Faithfulness on this model: 0.31 (0.29 to 0.33)"
    expect(page.locator("#method-legrad-about")).to_contain_text(said)
    expect(page.locator("#measured")).to_contain_text("above 0 is better than chance")
    expect(page.locator("#measured")).to_contain_text("1,000 pictures of test")


def test_methods_are_those_of_the_model_that_answers(page, picture):
    with page.expect_request("**/explain/methods*") as request:
        choose_and_wait(page, picture)
    assert asked(request.value) == {"model": "cifar10", "version": "1"}


def test_the_keyboard_goes_through_methods(page, picture):
    choose_and_wait(page, picture)
    page.locator("#method-relevance").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#map-method")).to_have_text("Method: LeGrad")
    expect(page.locator("#method-legrad")).to_be_focused()


def test_a_class_is_explained_rather_than_another(page, address, picture):
    choose_and_wait(page, picture)
    predicted, other = label_of(page, 0), label_of(page, 2)
    page.locator("#versus").select_option(label=page.locator("#versus option").nth(2).inner_text())
    expect(page.locator("#map-title")).to_have_text(f"Why “{predicted}” rather than “{other}”")
    expected = explain(address, picture, target=predicted, versus=other)
    assert saved_scores(page)["scores"] == expected["scores"]


def test_of_many_classes_the_most_probable_are_offered_first(page, picture):
    def answer(route: Route) -> None:
        response = route.fetch()
        models = response.json()
        models[0]["labels"] += [f"class {index}" for index in range(990)]
        route.fulfill(response=response, json=models)

    page.route("**/models", answer)
    page.reload()
    choose_and_wait(page, picture)
    groups = page.locator("#versus optgroup")
    names = groups.evaluate_all("all => all.map((group) => [group.label, group.children.length])")
    assert names == [["Most probable", 9], ["All classes", 999]]
    expect(groups.first.locator("option").first).to_contain_text(label_of(page, 1))


def test_choosing_the_class_compared_with_ends_the_comparison(page, picture):
    choose_and_wait(page, picture)
    choose_method(page, "legrad")
    other = label_of(page, 1)
    page.locator("#versus").select_option(index=1)
    expect(page.locator("#map-title")).to_contain_text(f"rather than “{other}”")
    page.locator(".bar").nth(1).click()
    expect(page.locator("#map-title")).to_have_text(f"What speaks for “{other}”")
    expect(page.locator("#versus")).to_have_value("")


def test_only_methods_of_a_class_can_compare(page, picture):
    choose_and_wait(page, picture)
    expect(page.locator("#versus")).to_be_visible()
    choose_method(page, "rollout")
    expect(page.locator("#versus")).to_be_hidden()


@pytest.mark.parametrize(
    ("method", "slider", "key", "value", "said"),
    [
        ("attention", "layer", "ArrowLeft", LAST - 1, f"layer {LAST - 1}"),
        ("relevance", "start_layer", "ArrowRight", 1, "from layer 1"),
        ("rollout", "start_layer", "ArrowRight", 1, "from layer 1"),
    ],
)
def test_a_slider_asks_with_its_layer(page, address, picture, method, slider, key, value, said):
    choose_and_wait(page, picture)
    choose_method(page, method)
    page.locator(f"#{slider}").focus()
    page.keyboard.press(key)
    expect(page.locator("#map-method")).to_contain_text(said)
    expect(page.locator(f"#{slider}-value")).to_have_text(f"{value} of 0 to {LAST}")
    expect(page.locator(f"#{slider}")).to_be_focused()
    expected = explain(address, picture, **{"method": method, slider: str(value)})
    assert saved_scores(page)["scores"] == expected["scores"]


def test_a_slider_that_is_dragged_asks_for_one_map_at_a_time(page, picture):
    choose_and_wait(page, picture)
    choose_method(page, "attention")
    held: list[Route] = []
    page.route("**/explain?*", lambda route: held.append(route))
    with page.expect_request(is_map_asked):
        page.locator("#layer").fill("4")
    for value in ("3", "2", "1"):
        page.locator("#layer").fill(value)
    with page.expect_request(is_map_asked) as second:
        held[0].continue_()
    assert asked(second.value)["layer"] == "1"
    expect(page.locator("#map-method")).to_contain_text("layer 4,")
    expect(page.locator("#layer")).to_have_value("1")
    held[1].continue_()
    expect(page.locator("#map-method")).to_contain_text("layer 1,")
    assert len(held) == 2


def test_a_head_that_is_chosen_is_asked_for_without_fusion(page, address, picture):
    choose_and_wait(page, picture)
    choose_method(page, "attention")
    page.select_option("#fusion", "max")
    expect(page.locator("#map-method")).to_contain_text("strongest of the heads")
    with page.expect_request(is_map_asked) as request:
        page.select_option("#head", "1")
    assert asked(request.value)["head"] == "1"
    assert "fusion" not in asked(request.value)
    expect(page.locator("#fusion")).to_be_hidden()
    expect(page.locator("#map-method")).to_have_text("Method: Attention, last layer, head 1")
    expected = explain(address, picture, method="attention", head="1")
    assert saved_scores(page)["scores"] == expected["scores"]


@pytest.mark.parametrize("method", ["rollout", "attention"])
def test_heads_are_joined_as_chosen(page, address, picture, method):
    choose_and_wait(page, picture)
    choose_method(page, method)
    page.select_option("#fusion", "min")
    expect(page.locator("#map-method")).to_contain_text("weakest of the heads")
    expected = explain(address, picture, method=method, fusion="min")
    assert saved_scores(page)["scores"] == expected["scores"]


@pytest.mark.parametrize(
    ("warning", "said"),
    [
        ("constant_map", "All patches have the same score"),
        ("high_norm_tokens", "hold what belongs to the whole picture"),
        ("low_confidence", "less than half of the probability"),
        ("class_agnostic_method", "the same for every class"),
        ("target_not_predicted", "not the class the model predicts"),
    ],
)
def test_a_warning_is_said_in_plain_words(page, picture, warning, said):
    answer_with(page, "**/explain?*", warnings=[warning])
    choose_and_wait(page, picture)
    expect(page.locator("#notes li")).to_have_count(2)  # the picture is cropped, too
    expect(page.locator("#notes li").first).to_contain_text(said)


def test_integrated_gradients_say_how_complete_they_are(page, picture):
    choose_and_wait(page, picture)
    expect(page.locator("#completeness")).to_be_hidden()
    answer_with(page, "**/explain?*", completeness_error=0.01234)
    choose_method(page, "integrated_gradients")
    expect(page.locator("#completeness")).to_contain_text("Completeness error 0.0123:")
