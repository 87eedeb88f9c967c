"""Several classes in one request, and the methods on offer, over a real socket."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from service.contract import Contract
from service.errors import InvalidParameter, ModelNotFound
from service.explanation.methods import METHODS
from tests.service.live import Live, serving
from tests.service.pictures import draw, encode, text_of
from tests.service.problems import assert_problem

PNG = encode(draw())


def ask(live: Live, **query: object) -> dict:
    response = live.client.post("/explain", params=query, content=PNG)
    assert response.status_code == 200, response.text
    return response.json()


# several targets


@pytest.mark.parametrize("name", METHODS)
def test_each_of_several_targets_has_the_map_that_it_has_alone(live: Live, name) -> None:
    steps = {"steps": 4} if name == "integrated_gradients" else {}
    together = ask(live, method=name, target=["ship", "0"], **steps)
    assert [one["target"]["index"] for one in together["maps"]] == [2, 0]
    assert "scores" not in together
    for one in together["maps"]:
        alone = ask(live, method=name, target=one["target"]["label"], **steps)
        np.testing.assert_allclose(one["scores"], alone["scores"], atol=1e-4)
        assert one["target"]["label"] == alone["target"]["label"]
        assert one["warnings"] == alone["warnings"]


def test_all_targets_of_a_quick_method_are_one_run(live: Live) -> None:
    for name in (name for name, method in METHODS.items() if method.is_quick):
        counted = {
            lane: live.metric("vitrine_batch_size_count", lane=lane)
            for lane in ("explain", "study")
        }
        passes = live.metric("vitrine_passes_total", lane="explain")
        ask(live, method=name, target=["cat", "dog", "ship"])
        assert live.metric("vitrine_batch_size_count", lane="explain") == counted["explain"] + 1
        assert live.metric("vitrine_batch_size_count", lane="study") == counted["study"]
        assert live.metric("vitrine_passes_total", lane="explain") == passes + 1


def test_several_targets_of_several_pictures_come_picture_by_picture(live: Live) -> None:
    body = {"images": [text_of(PNG), text_of(b"no picture"), text_of(encode(draw(seed=5)))]}
    answer = live.client.post("/explain", params={"target": [0, 1]}, json=body).json()
    first, broken, second = answer["results"]
    assert broken["error"]["status"] == 415
    assert [one["target"]["index"] for one in second["maps"]] == [0, 1]
    alone = ask(live, target=[0, 1])["maps"]
    for found, expected in zip(first["maps"], alone, strict=True):
        np.testing.assert_allclose(found["scores"], expected["scores"], atol=1e-4)


def test_the_arrays_of_several_targets_are_stacked(live: Live) -> None:
    query = {"target": ["dog", "cat"], "format": "npy"}
    response = live.client.post("/explain", params=query, content=PNG)
    grids = np.load(io.BytesIO(response.content), allow_pickle=False)
    assert grids.shape == (2, 4, 4)
    assert grids.dtype == np.float32
    maps = ask(live, target=["dog", "cat"])["maps"]
    np.testing.assert_array_equal(grids, np.array([one["scores"] for one in maps], np.float32))


@pytest.mark.parametrize(
    ("query", "pointer", "words"),
    [
        ({"target": ["cat", "cat"]}, "target", ("names cat twice",)),
        ({"target": ["cat", "0"]}, "target", ("names cat twice",)),
        ({"target": ["cat", "dgo"]}, "target", ("'dgo'", "nearest labels are dog")),
        ({"target": list("012345")}, "target", ("at most 5 items",)),
        ({"target": ["cat", "dog"], "versus": "dog"}, "versus", ("'dog'", "another class")),
        ({"method": "gradcam", "sign": "both"}, "sign", ("does not apply", "relevance")),
        ({"steps": 8}, "steps", ("integrated_gradients or faithfulness=true",)),
        ({"removal": "black"}, "removal", ("occlusion or faithfulness=true",)),
        ({"method": "legrad", "start_layer": 0}, "start_layer", ("relevance or rollout",)),
        ({"start_layer": 2}, "start_layer", ("start_layer 2", "layers 0 to 1")),
        ({"method": "attention", "head": 0, "fusion": "max"}, "fusion", ("either head or fusion",)),
        ({"method": "rollout", "fusion": "sum"}, "fusion", ("'mean', 'max' or 'min'",)),
        ({"method": "rollout", "discard_ratio": 1}, "discard_ratio", ("less than 1",)),
        ({"method": "rollout", "discard_ratio": "nan"}, "discard_ratio", ("'nan'",)),
        ({"method": "integrated_gradients", "steps": 1}, "steps", ("greater than or equal to 2",)),
        ({"faithfulness": "true", "steps": 129}, "steps", ("less than or equal to 128",)),
        (
            {"method": "integrated_gradients", "baseline": "red"},
            "baseline",
            ("'black', 'white', 'mean' or 'blur'",),
        ),
        (
            {"method": "occlusion", "removal": "red"},
            "removal",
            ("'token', 'black', 'white', 'mean' or 'blur'",),
        ),
        ({"colormap": "jet"}, "colormap", ("'jet'", "'cividis'", "'viridis'")),
        ({"overlay": "paint"}, "overlay", ("'blend'", "'alpha'", "'mask' or 'contour'")),
        ({"colour": "red"}, "colour", ("no such parameter",)),
    ],
)
def test_what_cannot_be_asked_is_answered_with_what_can(live, query, pointer, words) -> None:
    response = live.client.post("/explain", params=query, content=PNG)
    problem = assert_problem(response, InvalidParameter, *words)
    assert problem["errors"][0]["pointer"].startswith(pointer)


# methods


def test_every_method_says_where_it_comes_from_what_it_costs_and_what_it_takes(live: Live) -> None:
    methods = live.client.get("/explain/methods").json()
    assert [method["name"] for method in methods] == [
        "relevance", "legrad", "rollout", "attention", "gradcam", "integrated_gradients",
        "occlusion",
    ]  # fmt: skip
    for method in methods:
        assert all(method[key] for key in ("summary", "definition", "source", "cost"))
        assert method["parameters"] == ["target", *METHODS[method["name"]].parameters]
        assert method["faithfulness"] is None
        assert method["measured_on"] is None


def test_every_parameter_that_a_method_names_is_one_of_the_request(live: Live) -> None:
    document = live.client.get("/openapi.json").json()
    known = {item["name"] for item in document["paths"]["/explain"]["post"]["parameters"]}
    for method in live.client.get("/explain/methods").json():
        assert set(method["parameters"]) <= known


def test_the_methods_of_an_unknown_model_are_not_found(live: Live) -> None:
    response = live.client.get("/explain/methods", params={"model": "huge"})
    assert_problem(response, ModelNotFound, "huge", "tiny 1")


def explanations_preferring(name: str) -> dict:
    measured = {
        "delta": {"mean": 0.25, "low": 0.2, "high": 0.3},
        "margin_over_random": {"mean": 0.2, "low": 0.1, "high": 0.3},
        "insertion": 0.6,
        "deletion": 0.35,
        "comprehensiveness": 0.1,
        "sufficiency": 0.2,
    }
    return {
        "part": "test",
        "images": 1200,
        "removal": "token",
        "steps": 16,
        "seed": 0,
        "default_method": name,
        "methods": {name: measured},
        "references": {},
    }


def test_the_default_is_the_method_that_the_contract_found_most_faithful(copy_bundle) -> None:
    chosen = explanations_preferring("gradcam")
    with serving(copy_bundle(lambda contract: contract.update(explanations=chosen))) as server:
        methods = {one["name"]: one for one in server.client.get("/explain/methods").json()}
        assert [name for name, one in methods.items() if one["is_default"]] == ["gradcam"]
        assert methods["gradcam"]["faithfulness"]["delta"] == {
            "mean": 0.25,
            "low": 0.2,
            "high": 0.3,
        }
        assert methods["gradcam"]["measured_on"].startswith("1,200 pictures of test")
        assert "token" in methods["gradcam"]["measured_on"]
        assert methods["relevance"]["faithfulness"] is None
        plain, named = ask(server, target="dog"), ask(server, target="dog", method="gradcam")
        assert plain["method"] == named["method"]
        assert plain["method"]["name"] == "gradcam"
        assert plain["scores"] == named["scores"]


def test_a_parameter_that_the_default_method_does_not_take_is_refused(copy_bundle) -> None:
    chosen = explanations_preferring("gradcam")
    with serving(copy_bundle(lambda contract: contract.update(explanations=chosen))) as server:
        response = server.client.post("/explain", params={"sign": "both"}, content=PNG)
        assert_problem(response, InvalidParameter, "sign does not apply to method gradcam")


def test_the_explanations_of_a_contract_are_told_with_it(copy_bundle) -> None:
    chosen = explanations_preferring("legrad")
    with serving(copy_bundle(lambda contract: contract.update(explanations=chosen))) as server:
        told = Contract.model_validate_json(json.dumps(server.client.get("/models/tiny").json()))
        assert told.default_method == "legrad"
        assert told.explanations is not None
        assert told.explanations.images == 1200
