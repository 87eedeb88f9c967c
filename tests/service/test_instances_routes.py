"""KServe's first protocol over a real socket."""

from __future__ import annotations

import json

import pytest

from service.errors import InvalidInput, InvalidParameter, ModelNotFound, PayloadTooLarge
from tests.service.live import Live
from tests.service.pictures import draw, encode, text_of
from tests.service.problems import assert_problem

PNG = encode(draw())
TEXT = {"b64": text_of(PNG)}
BAD = {"b64": text_of(b"no picture")}
PREDICT, EXPLAIN = "/v1/models/tiny:predict", "/v1/models/tiny:explain"


def ask(live: Live, path: str, *instances: object, query: str = "", **members: object) -> list:
    body = {"instances": list(instances), **members}
    response = live.client.post(path + query, json=body)
    assert response.status_code == 200, response.text
    (results,) = response.json().values()
    return results


def test_the_models_are_named(live: Live) -> None:
    assert live.client.get("/v1/models").json() == {"models": ["tiny"]}


def test_a_model_says_that_it_is_ready(live: Live) -> None:
    assert live.client.get("/v1/models/tiny").json() == {"name": "tiny", "ready": True}
    assert_problem(live.client.get("/v1/models/giant"), ModelNotFound, "giant is not served")


@pytest.mark.parametrize(
    "instance",
    [{"image": TEXT}, {"image_bytes": TEXT, "key": "7"}, TEXT],
    ids=["image", "image_bytes", "b64"],
)
def test_an_instance_is_classified_as_classify_does(live: Live, instance) -> None:
    (prediction,) = ask(live, PREDICT, instance, signature_name="serving_default")
    expected = live.client.post("/classify", content=PNG).json()
    assert prediction == {key: expected[key] for key in ("predictions", "image")}


def test_one_bad_picture_has_its_error_among_the_others(live: Live) -> None:
    results = ask(live, PREDICT, TEXT, BAD, TEXT)
    assert [list(result) for result in results] == [
        ["predictions", "image"],
        ["error"],
        ["predictions", "image"],
    ]
    assert results[1]["error"]["type"] == "urn:vitrine:problem:unsupported-media-type"


def test_the_body_goes_before_the_query(live: Live) -> None:
    results = ask(
        live, PREDICT, TEXT, query="?top_k=1&embedding=true&version=1", parameters={"top_k": 2}
    )
    assert (len(results[0]["predictions"]), len(results[0]["embedding"])) == (2, 24)


def test_an_instance_is_explained_as_explain_does(live: Live) -> None:
    (explained,) = ask(live, EXPLAIN, TEXT)
    expected = live.client.post("/explain", content=PNG).json()
    assert explained["scores"] == expected["scores"]
    assert explained.keys() == expected.keys() - {"model", "timing_ms"}


@pytest.mark.parametrize("target", ["dog", 1, ["dog"], "1"])
def test_what_is_explained_may_be_asked_in_the_body(live: Live, target) -> None:
    parameters = {"method": "relevance", "target": target, "versus": 0}
    explained, failed = ask(live, EXPLAIN, TEXT, BAD, parameters=parameters)
    assert explained["method"]["name"] == "relevance"
    assert explained["target"]["label"] == "dog"
    assert failed["error"]["status"] == 415


def test_several_targets_give_several_maps(live: Live) -> None:
    (explained,) = ask(live, EXPLAIN, TEXT, query="?method=legrad&target=cat&target=dog")
    assert [one["target"]["label"] for one in explained["maps"]] == ["cat", "dog"]


@pytest.mark.parametrize("path", [PREDICT, EXPLAIN])
@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ({"instances": []}, InvalidInput, "/instances"),
        ({"inputs": [TEXT]}, InvalidInput, "/instances: Field required"),
        ({"instances": [TEXT, 3]}, InvalidInput, "/instances/1 holds no picture"),
        ({"instances": [{"image": "x"}]}, InvalidInput, "/instances/0 holds no picture"),
        ({"instances": [{"b64": 3}]}, InvalidInput, "/instances/0/b64 is not base64"),
        ({"instances": [{"image": {"b64": "?"}}]}, InvalidInput, "/instances/0/image/b64"),
        ({"instances": [TEXT] * 65}, PayloadTooLarge, "65 instances, beyond 64"),
        (
            {"instances": [TEXT], "parameters": {"\u00e9": 3}},
            InvalidParameter,
            "parameters/\u00e9: there is no such parameter",
        ),
        (
            {"instances": [TEXT], "parameters": {"version": "1"}},
            InvalidParameter,
            "in the query",
        ),
        ([TEXT], InvalidInput, "the document"),
    ],
)
def test_a_body_that_does_not_fit_is_refused(live: Live, path, body, kind, words) -> None:
    problem = assert_problem(live.client.post(path, json=body), kind, words)
    assert problem["error"] == problem["detail"]


@pytest.mark.parametrize("cut", [0, 1, 15, 60, -1])
def test_a_body_cut_short_is_refused(live: Live, cut) -> None:
    body = json.dumps({"instances": [TEXT]}).encode()
    assert_problem(live.client.post(PREDICT, content=body[:cut]), InvalidInput, "not JSON")


def test_a_model_that_is_not_served_is_refused_with_those_that_are(live: Live) -> None:
    response = live.client.post("/v1/models/giant:predict", json={"instances": [TEXT]})
    assert_problem(response, ModelNotFound, "there are tiny 1")
