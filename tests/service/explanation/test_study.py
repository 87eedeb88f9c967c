"""Explanations of many passes over a real socket: what they measure, and that they wait in turn."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest
import torch

from service.decoding import ImageLimits
from service.errors import CallerGone, InvalidParameter, Overloaded
from service.explanation.methods import METHODS
from service.preprocess import preprocess
from tests.service.live import PATIENCE_SECONDS, Live, serving
from tests.service.pictures import draw, encode, text_of
from tests.service.problems import assert_problem
from tests.service.test_lifecycle import head_of_request, until

PNG = encode(draw())
PATCHES = 16


def ask(live: Live, **query: object) -> dict:
    response = live.client.post("/explain", params=query, content=PNG)
    assert response.status_code == 200, response.text
    return response.json()


def measured(live: Live, **query: object) -> dict:
    return ask(live, faithfulness=True, **query)["faithfulness"]


# what is measured


@pytest.fixture(scope="module")
def probability(tiny_checkpoint, live: Live):
    """Give a class's probability with only some of the patches, by torch."""
    rules = live.context.registry.get().contract.preprocessing
    pixels = torch.from_numpy(preprocess(PNG, rules, ImageLimits())[1])[None]

    def of(target: int, keep: list[int]) -> float:
        with torch.no_grad():
            logits = tiny_checkpoint.model(pixels, torch.tensor([keep], dtype=torch.int64))
        return float(logits[0].softmax(dim=0)[target])

    return of


def test_a_curve_has_a_point_for_each_step_and_one_for_the_whole(live, probability) -> None:
    found = measured(live, target=1, steps=4)
    assert found["removed"] == [0, 0.25, 0.5, 0.75, 1]
    assert found["steps"] == 4
    for name in ("most_relevant_first", "least_relevant_first", "random"):
        curve = found[name]["curve"]
        assert len(curve) == 5
        assert curve[0] == pytest.approx(probability(1, list(range(PATCHES))), abs=1e-4)
        assert curve[-1] == pytest.approx(probability(1, []), abs=1e-4)


def test_more_steps_than_patches_are_a_point_for_each_patch(live: Live) -> None:
    assert len(measured(live, steps=128)["removed"]) == PATCHES + 1


def test_the_control_is_the_mean_of_random_orders(live: Live, probability) -> None:
    found = measured(live, target=2, steps=4)
    random = np.random.default_rng(0)
    orders = [random.permutation(PATCHES).tolist() for _ in range(found["random_orders"])]
    assert len(orders) == 4
    expected = [
        np.mean([probability(2, order[gone:]) for order in orders]) for gone in (0, 4, 8, 12, 16)
    ]
    np.testing.assert_allclose(found["random"]["curve"], expected, atol=1e-4)


def test_the_control_is_the_same_at_every_call_and_for_every_method(live: Live) -> None:
    first, again, other = (
        measured(live, target=0, method=name)["random"]["curve"]
        for name in ("relevance", "relevance", "occlusion")
    )
    np.testing.assert_allclose(first, again, atol=1e-6)
    np.testing.assert_allclose(first, other, atol=1e-6)


def test_areas_are_those_under_the_curves(live: Live) -> None:
    found = measured(live, target=1, steps=5)
    for name in ("most_relevant_first", "least_relevant_first", "random"):
        area = np.trapezoid(found[name]["curve"], found["removed"])
        assert found[name]["area"] == pytest.approx(area, abs=1e-6)
    most, least = found["most_relevant_first"], found["least_relevant_first"]
    assert found["delta"] == pytest.approx(least["area"] - most["area"], abs=1e-9)
    assert (found["insertion"], found["deletion"]) == (least["area"], most["area"])
    assert found["comprehensiveness"] == most["comprehensiveness"]
    assert found["sufficiency"] == most["sufficiency"]


@pytest.mark.parametrize("removal", ["token", "black", "white", "mean", "blur"])
def test_how_patches_went_is_named(live: Live, removal) -> None:
    answer = ask(live, faithfulness=True, removal=removal, steps=2)
    assert answer["removal"] == answer["faithfulness"]["removal"] == removal


def test_nothing_is_removed_where_faithfulness_is_not_asked_for(live: Live) -> None:
    answer = ask(live)
    assert answer["removal"] is None
    assert answer["faithfulness"] is None


@pytest.mark.parametrize("name", METHODS)
def test_the_faithfulness_of_every_method_and_target_is_measured(live: Live, name) -> None:
    answer = ask(live, method=name, target=[0, 1], faithfulness=True, steps=4)
    for one in answer["maps"]:
        assert np.isfinite(one["faithfulness"]["delta"])
        assert one["faithfulness"]["most_relevant_first"]["curve"][0] == pytest.approx(
            one["target"]["probability"], abs=1e-4
        )


def test_occlusion_is_truer_to_the_model_than_random_orders(live: Live) -> None:
    found = measured(live, method="occlusion")
    assert found["delta"] > 0
    assert found["most_relevant_first"]["area"] < found["random"]["area"]
    assert found["least_relevant_first"]["area"] > found["random"]["area"]


# the lane


def test_many_passes_go_by_a_lane_of_their_own(live: Live) -> None:
    before = {lane: live.metric("vitrine_passes_total", lane=lane) for lane in ("explain", "study")}
    ask(live, method="occlusion")
    assert live.metric("vitrine_passes_total", lane="explain") == before["explain"]
    assert live.metric("vitrine_passes_total", lane="study") == before["study"] + 1 + PATCHES


def test_explanations_are_counted_by_method_and_whether_they_were_measured(live: Live) -> None:
    counted = {"model": "tiny", "method": "legrad", "faithfulness": "true"}
    before = live.metric("vitrine_explanations_total", **counted)
    ask(live, method="legrad", faithfulness=True, steps=2)
    assert live.metric("vitrine_explanations_total", **counted) == before + 1


@pytest.mark.parametrize("query", [{"method": "occlusion"}, {"faithfulness": "true"}])
def test_a_study_is_answered_however_few_passes_may_wait(tiny_bundles, query) -> None:
    with serving(tiny_bundles, max_passes=5) as server:
        assert server.client.post("/explain", params=query, content=PNG).status_code == 200


def test_a_request_for_more_passes_than_one_may_take_is_refused_before_the_work(
    tiny_bundles,
) -> None:
    with serving(tiny_bundles, max_request_passes=2 * PATCHES) as server:
        body = {"images": [text_of(PNG)] * 2}
        response = server.client.post("/explain", params={"method": "occlusion"}, json=body)
        assert_problem(response, InvalidParameter, "34 passes, more than 32", "fewer pictures")
        assert server.metric("vitrine_passes_total", lane="study") == 0
        ask(server, method="occlusion")
        assert server.client.post("/explain", json=body).status_code == 200


@contextmanager
def amid_a_study(server: Live) -> Iterator[tuple[socket.socket, ExitStack]]:
    """Ask for a study of some 90 passes, and hold the engine while most of them wait.

    Gives the caller's connection, and what closes to let the engine go on.
    """
    model = server.context.registry.get()
    ask(server)  # which opens the graphs
    ask(server, method="rollout")
    with socket.create_connection(server.address, PATIENCE_SECONDS) as caller, ExitStack() as held:
        request = head_of_request("/explain?faithfulness=true&steps=128", len(PNG))
        caller.sendall(request.replace(b"Expect", b"X-Expect") + PNG)
        while not model.queue_depths["study"]:
            pass  # as soon as it begins, for it takes some 50 ms
        held.enter_context(server.busy_engine())
        assert model.queue_depths["study"] > 10
        yield caller, held


def test_a_study_more_than_may_be_under_way_is_refused_at_once(tiny_bundles) -> None:
    with (
        serving(tiny_bundles, max_batch_size=1, max_passes=64) as server,
        amid_a_study(server) as (caller, held),
    ):
        response = server.client.post("/explain", params={"method": "occlusion"}, content=PNG)
        assert_problem(response, Overloaded, "thorough explanations", "try again")
        assert response.headers["retry-after"] == "1"
        held.close()
        assert caller.recv(12) == b"HTTP/1.1 200"
        until(lambda: server.metric("vitrine_queue_depth", lane="study") == 0)
        ask(server, method="occlusion")


def test_a_classification_takes_its_turn_between_the_passes_of_a_study(tiny_bundles) -> None:
    with (
        serving(tiny_bundles, max_batch_size=1) as server,
        ThreadPoolExecutor() as callers,
        amid_a_study(server) as (_, held),
    ):
        classes = callers.submit(server.client.post, "/classify", content=PNG)
        model = server.context.registry.get()
        until(lambda: model.queue_depths["classify"] == 1)
        before = model.queue_depths["study"]
        held.close()
        assert classes.result().status_code == 200
        assert model.queue_depths["study"] > before - 30  # the study goes on after it


def test_a_caller_who_leaves_a_study_takes_along_what_still_waits(tiny_bundles) -> None:
    gone = {"route": "/explain", "code": str(CallerGone.status)}
    with serving(tiny_bundles, max_batch_size=1) as server:
        with amid_a_study(server) as (caller, _):
            caller.close()
            until(lambda: server.metric("vitrine_requests_total", **gone) == 1)
            begun = server.metric("vitrine_batch_size_sum", lane="study")
            assert begun < 60
        assert server.client.post("/classify", content=PNG).status_code == 200
        until(lambda: server.metric("vitrine_queue_depth", lane="study") == 0)
        assert server.metric("vitrine_batch_size_sum", lane="study") == begun


def test_the_passes_of_several_pictures_run_together(live: Live) -> None:
    body = {"images": [text_of(PNG), text_of(encode(draw(seed=4)))]}
    passes = live.metric("vitrine_batch_size_sum", lane="study")
    runs = live.metric("vitrine_batch_size_count", lane="study")
    response = live.client.post("/explain", params={"method": "occlusion"}, json=body)
    assert response.status_code == 200
    assert live.metric("vitrine_batch_size_sum", lane="study") == passes + 2 + 2 * PATCHES
    assert live.metric("vitrine_batch_size_count", lane="study") == runs + 1 + 2 * PATCHES / 8
