"""What a service with a cache answers of what it was asked before, or is asked at once."""

from __future__ import annotations

import socket
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from service.batching import Ran
from service.classify import rankings
from service.decoding import ImageFacts
from service.errors import CallerGone, Overloaded, UnsupportedMediaType
from service.explanation.inquiry import Explanation, Map
from service.image_runner import Classified
from service.kept_results import kept_classification, kept_explanation
from tests.service.live import Live, serving
from tests.service.pictures import draw, encode, text_of
from tests.service.problems import assert_problem
from tests.service.renewed import copy_as
from tests.service.test_lifecycle import head_of_request
from tests.service.waiting import until

NEVER_SENT = iter(range(1, 1_000_000))  # seeds, so that each test begins with pictures of its own


def new_picture() -> bytes:
    return encode(draw(seed=next(NEVER_SENT)))


@pytest.fixture(scope="module")
def cached(tiny_bundle: Path, tmp_path_factory) -> Iterator[Live]:
    """A server with a cache and two versions of a model."""
    bundles = tmp_path_factory.mktemp("bundles")
    for version in ("1", "2"):
        copy_as(tiny_bundle, bundles, "tiny", version)
    with serving(bundles, cache_bytes=1_000_000) as server:
        yield server


def post(live: Live, path: str, picture: bytes) -> httpx.Response:
    response = live.client.post(path, content=picture)
    assert response.status_code == 200, response.text
    return response


def outcome(response: httpx.Response) -> str:
    """Say how the answer came, as the header Server-Timing does before all stages."""
    first = response.headers["server-timing"].split(", ")[0]
    assert first.startswith("cache;desc=")
    return first.removeprefix("cache;desc=")


def classified(live: Live) -> float:
    return live.metric("vitrine_batch_size_sum", lane="classify")


def passes(live: Live) -> float:
    return live.metric("vitrine_passes_total")


def counted(live: Live, name: str) -> float:
    return live.metric("vitrine_cache_requests_total", outcome=name)


# classifications


def test_what_was_asked_before_is_answered_alike_and_without_a_run(cached: Live) -> None:
    picture = new_picture()
    first = post(cached, "/classify?top_k=3&embedding=true", picture)
    before = classified(cached), counted(cached, "hit")
    again = post(cached, "/classify?top_k=3&embedding=true", picture)
    assert (outcome(first), outcome(again)) == ("miss", "hit")
    assert (classified(cached), counted(cached, "hit")) == (before[0], before[1] + 1)
    told, retold = first.json(), again.json()
    timing = retold.pop("timing_ms")
    assert told.pop("timing_ms")["inference"] > 0
    assert retold == told
    assert (timing["decode"], timing["queue"], timing["inference"]) == (0, 0, 0)


def test_a_service_without_a_cache_runs_all_and_says_nothing_of_it(live: Live) -> None:
    picture, before = new_picture(), classified(live)
    for _ in range(2):
        assert "cache" not in post(live, "/classify", picture).headers["server-timing"]
    assert classified(live) == before + 2
    assert live.metric("vitrine_cache_requests_total") == 0


def test_every_protocol_and_parameter_finds_what_another_asked_for(cached: Live) -> None:
    picture = new_picture()
    instance = {"b64": text_of(picture)}
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [text_of(picture)]}
    best = post(cached, "/classify", picture).json()["predictions"][0]
    before = classified(cached)
    assert len(post(cached, "/classify?top_k=1", picture).json()["predictions"]) == 1
    ask = cached.client.post
    v1 = ask("/v1/models/tiny:predict", json={"instances": [instance]})
    v2 = ask("/v2/models/tiny/infer", json={"inputs": [tensor]})
    hub = ask("/hf/image-classification", content=picture)
    assert [outcome(answer) for answer in (v1, v2, hub)] == ["hit", "hit", "hit"]
    assert v1.json()["predictions"][0]["predictions"][0] == best
    assert hub.json()[0] == {"label": best["label"], "score": pytest.approx(best["probability"])}
    logits = {output["name"]: output["data"] for output in v2.json()["outputs"]}["logits"]
    assert int(np.argmax(logits)) == best["index"]
    assert classified(cached) == before


def test_a_picture_of_more_bytes_than_are_read_at_once_is_found_too(cached: Live) -> None:
    picture = encode(draw(320, 320, seed=next(NEVER_SENT)), "BMP")
    assert len(picture) > 256 * 1024
    assert outcome(post(cached, "/classify", picture)) == "miss"
    assert outcome(post(cached, "/classify", picture)) == "hit"


def test_another_version_of_the_model_knows_nothing_of_it(cached: Live) -> None:
    picture = new_picture()
    assert outcome(post(cached, "/classify?version=1", picture)) == "miss"
    assert outcome(post(cached, "/classify?version=2", picture)) == "miss"
    assert outcome(post(cached, "/classify", picture)) == "hit"


def test_the_predictions_of_what_was_known_count_as_all_others_do(cached: Live) -> None:
    picture = new_picture()
    post(cached, "/classify", picture)
    before = cached.metric("vitrine_predicted_total")
    runs = cached.metric("vitrine_stage_seconds_count", stage="inference")
    post(cached, "/classify", picture)
    assert cached.metric("vitrine_predicted_total") == before + 1
    assert cached.metric("vitrine_stage_seconds_count", stage="inference") == runs


def test_callers_who_ask_the_same_at_once_share_one_run(cached: Live) -> None:
    picture, before, shared = new_picture(), classified(cached), counted(cached, "shared")
    with ThreadPoolExecutor() as callers, cached.busy_engine():
        asked = [callers.submit(post, cached, "/classify", picture) for _ in range(4)]
        until(lambda: cached.metric("vitrine_requests_in_flight") >= 4)
        until(lambda: cached.metric("vitrine_queue_depth", lane="classify") == 1)
        time.sleep(0.05)  # none of the others may come to wait there
        assert cached.metric("vitrine_queue_depth", lane="classify") == 1
    answers = [one.result() for one in asked]
    assert sorted(map(outcome, answers)) == ["miss", "shared", "shared", "shared"]
    assert classified(cached) == before + 1
    assert counted(cached, "shared") == shared + 3
    assert all(a.json()["predictions"] == answers[0].json()["predictions"] for a in answers)
    for answer in answers:
        timing = answer.json()["timing_ms"]
        assert timing["queue"] > 0
        assert (timing["inference"] > 0) == (outcome(answer) == "miss")


@pytest.mark.parametrize("leaver", ["first", "second"])
def test_who_leaves_does_not_take_the_answer_from_another_who_waits(cached, leaver) -> None:
    gone = {"route": "/classify", "code": str(CallerGone.status)}
    picture, before = new_picture(), classified(cached)
    left = cached.metric("vitrine_requests_total", **gone)

    def under_way(count: int) -> None:
        until(lambda: cached.metric("vitrine_requests_in_flight") >= 1 + count)  # and this one
        until(lambda: cached.metric("vitrine_queue_depth", lane="classify") == 1)

    with ThreadPoolExecutor() as callers, cached.busy_engine():
        stays = None
        if leaver == "second":
            stays = callers.submit(post, cached, "/classify", picture)
            under_way(1)
        with socket.create_connection(cached.address) as caller:
            head = head_of_request("/classify", len(picture)).replace(b"Expect", b"X-Expect")
            caller.sendall(head + picture)
            under_way(1 if leaver == "first" else 2)
            if leaver == "first":
                stays = callers.submit(post, cached, "/classify", picture)
                under_way(2)
                time.sleep(0.05)  # until it waits for what the first one began
        until(lambda: cached.metric("vitrine_requests_total", **gone) == left + 1)
    assert stays is not None
    assert stays.result().json()["predictions"]
    assert classified(cached) == before + 1


def test_when_all_who_asked_have_left_nothing_is_run(cached: Live) -> None:
    gone = {"route": "/classify", "code": str(CallerGone.status)}
    picture, before = new_picture(), classified(cached)
    left = cached.metric("vitrine_requests_total", **gone)
    with cached.busy_engine():
        with socket.create_connection(cached.address) as caller:
            head = head_of_request("/classify", len(picture)).replace(b"Expect", b"X-Expect")
            caller.sendall(head + picture)
            until(lambda: cached.metric("vitrine_queue_depth", lane="classify") == 1)
        until(lambda: cached.metric("vitrine_requests_total", **gone) == left + 1)
    assert outcome(post(cached, "/classify", picture)) == "miss"
    assert classified(cached) == before + 1


def test_the_same_picture_twice_in_a_request_runs_once(cached: Live) -> None:
    one, other, before = text_of(new_picture()), text_of(new_picture()), classified(cached)
    response = cached.client.post("/classify", json={"images": [one, other, one]})
    first, second, third = response.json()["results"]
    assert outcome(response) == "miss"
    assert first == third != second
    assert classified(cached) == before + 2
    again = cached.client.post("/classify", json={"images": [other, one]})
    assert outcome(again) == "hit"
    assert again.json()["results"] == [second, first]


def test_a_picture_that_cannot_be_read_is_not_kept_and_fails_alone(cached: Live) -> None:
    broken, before = b"no picture, number %d" % next(NEVER_SENT), counted(cached, "miss")
    for _ in range(2):
        response = cached.client.post("/classify", content=broken)
        assert_problem(response, UnsupportedMediaType, "not a picture")
    assert counted(cached, "miss") == before + 2
    good = text_of(new_picture())
    response = cached.client.post("/classify", json={"images": [good, text_of(broken), good]})
    assert ["error" in result for result in response.json()["results"]] == [False, True, False]


def test_what_is_known_is_answered_while_others_find_no_room(tiny_bundles) -> None:
    known = new_picture()
    with serving(tiny_bundles, cache_bytes=100_000, max_queue=1) as server:
        post(server, "/classify", known)
        with ThreadPoolExecutor() as callers, server.busy_engine():
            waits = callers.submit(post, server, "/classify", new_picture())
            until(lambda: server.metric("vitrine_queue_depth", lane="classify") == 1)
            refused = server.client.post("/classify", content=new_picture())
            assert_problem(refused, Overloaded, "the queue's 1")
            assert outcome(post(server, "/classify", known)) == "hit"
        assert waits.result().status_code == 200


def test_no_more_bytes_are_kept_than_the_setting_allows(tiny_bundles) -> None:
    pictures = [new_picture() for _ in range(4)]
    with serving(tiny_bundles, cache_bytes=5000) as server:
        for picture in pictures:
            assert outcome(post(server, "/classify", picture)) == "miss"
            assert 0 < server.metric("vitrine_cache_bytes") <= 5000
        assert outcome(post(server, "/classify", pictures[-1])) == "hit"
        assert outcome(post(server, "/classify", pictures[0])) == "miss"


# explanations


def test_an_explanation_that_was_asked_before_takes_no_pass_and_no_decoding(cached: Live) -> None:
    picture = new_picture()
    first = post(cached, "/explain?method=occlusion", picture)
    before = passes(cached)
    again = post(cached, "/explain?method=occlusion", picture)
    told, retold = first.json(), again.json()
    assert (outcome(first), outcome(again)) == ("miss", "hit")
    assert passes(cached) == before
    assert told.pop("timing_ms")["inference"] > 0
    assert retold.pop("timing_ms") | {"total": 0} == dict.fromkeys(
        ("decode", "queue", "inference", "total"), 0
    )
    assert retold == told


def test_a_map_is_drawn_anew_from_what_is_known(cached: Live) -> None:
    picture = new_picture()
    fresh = post(cached, "/explain?method=relevance&format=png&colormap=viridis", picture)
    before = passes(cached)
    again = post(cached, "/explain?method=relevance&format=png&colormap=viridis", picture)
    other = post(cached, "/explain?method=relevance&format=png&colormap=magma", picture)
    grid = post(cached, "/explain?method=relevance&format=npy", picture)
    assert [outcome(one) for one in (fresh, again, other, grid)] == ["miss", "hit", "hit", "hit"]
    assert passes(cached) == before
    assert other.content != again.content


@pytest.mark.parametrize("other", ["target=1", "sign=both", "method=legrad", "version=1"])
def test_another_question_is_not_answered_by_the_answer_to_the_first(cached, other) -> None:
    picture = new_picture()
    post(cached, "/explain?target=0", picture)
    question = other if "target" in other else f"target=0&{other}"
    assert outcome(post(cached, f"/explain?{question}", picture)) == "miss"


def test_both_protocols_of_explanations_share_what_is_known(cached: Live) -> None:
    picture = new_picture()
    scores = post(cached, "/explain?method=rollout", picture).json()["scores"]
    body = {"instances": [{"b64": text_of(picture)}], "parameters": {"method": "rollout"}}
    response = cached.client.post("/v1/models/tiny:explain", json=body)
    assert outcome(response) == "hit"
    assert response.json()["explanations"][0]["scores"] == scores


@pytest.mark.parametrize("method", ["relevance", "occlusion"])
def test_of_several_pictures_only_the_unknown_are_explained(cached: Live, method: str) -> None:
    known, unknown = new_picture(), new_picture()
    alone = post(cached, f"/explain?method={method}", known).json()
    images = [text_of(picture) for picture in (known, b"no picture", unknown, unknown)]
    before = passes(cached)
    response = cached.client.post(f"/explain?method={method}", json={"images": images})
    first, bad, second, third = response.json()["results"]
    assert outcome(response) == "miss"
    assert first["scores"] == alone["scores"]
    assert list(bad) == ["error"]
    assert second == third
    assert passes(cached) == before + (1 if method == "relevance" else 17)


def test_callers_who_ask_for_the_same_study_at_once_share_it(cached: Live) -> None:
    picture, before = new_picture(), passes(cached)
    with ThreadPoolExecutor() as callers:
        path = "/explain?faithfulness=true&steps=128&version="
        post(cached, f"{path}1", picture)  # the same weights, the same number of passes
        own = passes(cached) - before
        asked = [callers.submit(post, cached, f"{path}2", picture) for _ in range(3)]
        answers = [one.result() for one in asked]
    assert passes(cached) == before + 2 * own
    assert all(a.json()["scores"] == answers[0].json()["scores"] for a in answers)


def test_a_known_explanation_is_answered_while_others_are_refused_undecoded(tiny_bundles) -> None:
    known = new_picture()
    with serving(tiny_bundles, cache_bytes=100_000, max_queue=1) as server:
        post(server, "/explain?method=relevance", known)

        def decoded() -> float:
            return server.metric("vitrine_stage_seconds_count", stage="decode")

        before = decoded()
        with ThreadPoolExecutor() as callers, server.busy_engine():
            waits = callers.submit(post, server, "/explain?method=relevance", new_picture())
            places = server.context.registry.get()._passes["explain"].admission.places
            until(lambda: places.held == 1)
            response = server.client.post("/explain?method=relevance", content=new_picture())
            assert_problem(response, Overloaded, "the queue's 1")
            assert outcome(post(server, "/explain?method=relevance", known)) == "hit"
            assert decoded() == before
        assert outcome(waits.result()) == "miss"


# what is counted is what there is


def memory_of(make, count: int = 50) -> float:
    """Give the bytes that one of many results takes for as long as it is kept."""
    make()
    tracemalloc.start()
    try:
        kept = [make() for _ in range(count)]
        return tracemalloc.get_traced_memory()[0] / len(kept)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("classes", "width"), [(3, 24), (10, 192), (1000, 768)])
def test_a_classification_takes_no_more_memory_than_is_counted(classes: int, width: int) -> None:
    def make():
        logits, readout = np.ones((8, classes), np.float32), np.ones((8, width), np.float32)
        facts = ImageFacts("PNG", 1000, 1000, orientation_applied=False)
        ranking = rankings(logits)[0]
        found = Classified(logits[0], ranking, readout[0], facts, 0.001, 0.002)
        return bytes(32) + b"1", kept_classification(Ran(found, 0.1, 0.2))

    size_bytes = make()[1].size_bytes
    assert size_bytes is not None
    assert size_bytes / 3 < memory_of(make) <= size_bytes


@pytest.mark.parametrize("targets", [1, 5])
def test_an_explanation_takes_no_more_memory_than_is_counted(targets: int) -> None:
    def make():
        layers = np.ones((targets, 12, 14, 14), np.float32)  # of which one is the map
        maps = tuple(Map(one, layers[one, 0], ("low_confidence",), 0.1) for one in range(targets))
        facts = ImageFacts("PNG", 1000, 1000, orientation_applied=False)
        return kept_explanation(facts, Explanation(np.ones(1000, np.float32), maps))

    size_bytes = make().size_bytes
    assert size_bytes is not None
    assert size_bytes / 3 < memory_of(make) <= size_bytes
