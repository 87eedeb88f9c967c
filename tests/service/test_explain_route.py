"""`POST /explain` over a real socket, against an independent computation with torch's autograd."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from model.config import VisionTransformerConfig
from service.decoding import ImageLimits
from service.errors import InvalidInput, InvalidParameter, ModelNotFound, NotExplainable
from service.explanation.methods import METHODS
from service.preprocess import preprocess
from tests.service.live import Live, serving
from tests.service.pictures import draw, encode, text_of
from tests.service.problems import assert_problem

PNG = encode(draw())
TOLERANCE = 1e-4


def ask(live: Live, **query: object) -> dict:
    response = live.client.post("/explain", params=query, content=PNG)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.fixture(scope="module")
def torch_steps(tiny_checkpoint, live: Live):
    """The explicit forward pass of torch over the very pixel values that the service computes."""
    preprocessing = live.context.registry.get().contract.preprocessing
    pixels = preprocess(PNG, preprocessing, ImageLimits())[1]
    return tiny_checkpoint.model.steps(torch.from_numpy(pixels)[None])


def relevance_by_autograd(steps, logit: torch.Tensor, sign: float) -> np.ndarray:
    """Compute Chefer, Gur and Wolf (ICCV 2021), eq. 5 and 6, as the paper writes it."""
    attentions = [block.attention for block in steps.blocks]
    gradients = torch.autograd.grad(logit, attentions, retain_graph=True)
    tokens = attentions[0].shape[-1]
    relevance = torch.eye(tokens)
    for attention, gradient in zip(attentions, gradients, strict=True):
        mean = (sign * gradient * attention).clamp(min=0).mean(dim=1)[0]
        relevance = relevance + mean @ relevance
    return relevance[0, 1:].reshape(4, 4).detach().numpy()


def assert_same_map(answer: dict, expected: np.ndarray) -> None:
    np.testing.assert_allclose(np.array(answer["scores"]), expected, rtol=0, atol=TOLERANCE)
    assert expected.max() - expected.min() > 10 * TOLERANCE  # the map says something


@pytest.mark.parametrize("target", [0, 1, 2])
@pytest.mark.parametrize(("sign", "factor"), [("positive", 1.0), ("negative", -1.0)])
def test_relevance_equals_autograd(live: Live, torch_steps, target, sign, factor) -> None:
    answer = ask(live, target=target, sign=sign)
    expected = relevance_by_autograd(torch_steps, torch_steps.logits[0, target], factor)
    assert_same_map(answer, expected)


def test_relevance_of_one_class_against_another_equals_autograd(live: Live, torch_steps) -> None:
    logits = torch_steps.logits[0]
    expected = relevance_by_autograd(torch_steps, logits[2] - logits[0], 1.0)
    assert_same_map(ask(live, target="ship", versus="cat"), expected)


def test_rollout_equals_the_product_of_all_layers(live: Live, torch_steps) -> None:
    identity = torch.eye(17)
    flow = identity
    for block in torch_steps.blocks:
        flow = (block.attention[0].mean(dim=0) + identity) / 2 @ flow
    expected = flow[0, 1:].reshape(4, 4).detach().numpy()
    assert_same_map(ask(live, method="rollout"), expected)


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("head", [0, 1])
def test_attention_is_the_class_tokens_row_of_that_head(live, torch_steps, layer, head) -> None:
    row = torch_steps.blocks[layer].attention[0, head, 0, 1:]
    answer = ask(live, method="attention", layer=layer, head=head)
    assert_same_map(answer, row.reshape(4, 4).detach().numpy())


def test_attention_is_the_mean_of_the_last_layers_heads_by_default(live, torch_steps) -> None:
    row = torch_steps.blocks[-1].attention[0].mean(dim=0)[0, 1:]
    assert_same_map(ask(live, method="attention"), row.reshape(4, 4).detach().numpy())


def test_the_logit_and_probability_are_those_of_torch(live: Live, torch_steps) -> None:
    target = ask(live)["target"]
    logits = torch_steps.logits[0].detach()
    assert target["index"] == int(logits.argmax())
    assert target["logit"] == pytest.approx(float(logits.max()), abs=TOLERANCE)
    assert target["probability"] == pytest.approx(float(logits.softmax(0).max()), abs=TOLERANCE)
    assert target["source"] == "predicted"


def test_a_target_may_be_a_label_or_an_index(live: Live) -> None:
    by_label, by_index = ask(live, target="dog"), ask(live, target="1")
    assert by_label["target"] == by_index["target"]
    assert by_label["target"]["label"] == "dog"
    assert by_label["target"]["source"] == "requested"
    assert by_label["scores"] == by_index["scores"]


def test_the_scale_spans_the_scores(live: Live) -> None:
    answer = ask(live)
    scores = np.array(answer["scores"])
    assert (answer["scale"]["min"], answer["scale"]["max"]) == (scores.min(), scores.max())


def test_the_grid_says_where_the_scores_lie_in_the_original(live: Live) -> None:
    grid = ask(live)["grid"]
    assert (grid["rows"], grid["columns"]) == (4, 4)
    left, top, right, bottom = grid["crop_box"]
    assert (top, bottom) == (0, 40)
    assert right - left == pytest.approx(40, abs=1)
    assert left == pytest.approx(48 - right, abs=2)


def test_the_method_is_told_with_the_parameters_it_used(live: Live) -> None:
    assert ask(live, target=1, versus=0, sign="negative")["method"] == {
        "name": "relevance",
        "class_specific": True,
        "parameters": {"versus": 0, "sign": "negative", "start_layer": 0},
    }
    assert ask(live, method="attention", head=1)["method"]["parameters"] == {
        "head": 1,
        "fusion": "mean",
        "discard_ratio": 0,
    }


def test_a_class_that_was_not_predicted_is_warned_of(live: Live) -> None:
    least = ask(live)["predictions"][-1]["label"]
    assert ask(live, target=least)["warnings"] == ["target_not_predicted"]
    assert ask(live)["warnings"] == []


def test_a_method_that_knows_no_class_is_warned_of(live: Live) -> None:
    assert ask(live, method="rollout")["warnings"] == ["class_agnostic_method"]


@pytest.mark.parametrize(
    ("query", "accept"),
    [
        ({}, "image/png"),
        ({}, "image/*"),
        ({"format": "png"}, "application/json"),
        ({}, "text/html, IMAGE/PNG;q=1"),
    ],
)
def test_a_png_is_drawn_where_it_is_asked_for(live: Live, query, accept) -> None:
    response = live.client.post("/explain", params=query, content=PNG, headers={"Accept": accept})
    assert response.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(response.content)) as drawn:
        drawn.load()
        assert drawn.width > 256  # the picture, enlarged, and the colour bar
        assert drawn.height == round(256 * 40 / 48)


def test_the_png_carries_what_the_json_says(live: Live) -> None:
    response = live.client.post("/explain", params={"format": "png", "target": 2}, content=PNG)
    with Image.open(io.BytesIO(response.content)) as drawn:
        told = json.loads(drawn.text["vitrine"])
    expected = ask(live, target=2)
    assert told.pop("timing_ms").keys() == expected.pop("timing_ms").keys()
    assert told == expected


def test_the_grid_travels_as_a_numpy_array(live: Live) -> None:
    response = live.client.post("/explain", content=PNG, headers={"Accept": "application/x-npy"})
    assert response.headers["content-type"] == "application/x-npy"
    grid = np.load(io.BytesIO(response.content), allow_pickle=False)
    assert grid.dtype == np.float32
    np.testing.assert_array_equal(grid, np.array(ask(live)["scores"], np.float32))


def test_several_pictures_are_explained_in_one_batch(live: Live) -> None:
    batches = live.metric("vitrine_batch_size_count", lane="explain")
    images = [text_of(PNG), text_of(b"no picture"), text_of(encode(draw(seed=3)))]
    response = live.client.post("/explain", json={"images": images})
    results = response.json()["results"]
    assert live.metric("vitrine_batch_size_count", lane="explain") == batches + 1
    assert results[1]["error"]["status"] == 415
    np.testing.assert_allclose(results[0]["scores"], ask(live)["scores"], atol=TOLERANCE)
    assert results[2]["scores"] != results[0]["scores"]


def test_several_pictures_are_not_answered_as_one_array(live: Live) -> None:
    body = {"images": [text_of(PNG)] * 2}
    response = live.client.post("/explain", params={"format": "npy"}, json=body)
    assert_problem(response, InvalidInput, "2 pictures", "application/x-npy", "send one picture")


@pytest.mark.parametrize(
    ("query", "pointer", "words"),
    [
        ({"target": "dgo"}, "target", ("'dgo'", "nearest labels are dog")),
        ({"target": "3"}, "target", ("'3'", "index below 3")),
        ({"target": "9" * 5000}, "target", ("index below 3",)),
        ({"target": "-1"}, "target", ("'-1'",)),
        ({"target": "cat", "versus": "shp"}, "versus", ("'shp'", "ship")),
        ({"versus": "cat"}, "versus", ("needs a target",)),
        ({"target": "cat", "versus": "0"}, "versus", ("'0'", "another class")),
        ({"method": "attention", "layer": 2}, "layer", ("layer 2", "layers 0 to 1")),
        ({"method": "attention", "layer": -1}, "layer", ("'-1'", "greater than or equal to 0")),
        ({"method": "attention", "head": 7}, "head", ("head 7", "heads 0 to 1")),
        (
            {"method": "magic"},
            "method",
            ("'magic'", "'gradcam', 'integrated_gradients' or 'occlusion'"),
        ),
        ({"sign": "loud"}, "sign", ("'loud'", "'positive', 'negative' or 'both'")),
        ({"format": "gif"}, "format", ("'gif'", "'json', 'png' or 'npy'")),
        ({"alpha": "2"}, "alpha", ("'2'", "less than or equal to 1")),
    ],
)
def test_what_does_not_exist_is_answered_with_what_does(live, query, pointer, words) -> None:
    response = live.client.post("/explain", params=query, content=PNG)
    problem = assert_problem(response, InvalidParameter, *words)
    assert problem["errors"][0]["pointer"] == pointer


def test_a_single_bad_picture_is_a_problem(live: Live) -> None:
    assert live.client.post("/explain", content=b"hello").status_code == 415


def test_an_unknown_model_is_not_explained(live: Live) -> None:
    response = live.client.post("/explain", params={"model": "huge"}, content=PNG)
    assert_problem(response, ModelNotFound, "huge", "tiny")


def test_methods_are_told_with_their_source_and_cost(live: Live) -> None:
    methods = live.client.get("/explain/methods").json()
    assert [method["name"] for method in methods] == list(METHODS)
    assert [method["name"] for method in methods if method["is_default"]] == ["relevance"]
    assert all(method["source"] and method["cost"] and method["definition"] for method in methods)


def test_a_model_that_merges_tokens_classifies_and_names_the_one_to_ask(copy_bundle) -> None:
    def merging(contract) -> None:
        for graph in ("explain", "attend", "trace"):
            contract["graphs"].pop(graph)
        contract["merging"] = {"tokens": [4], "model": "large", "version": "2", "agreement": 0.979}

    with serving(copy_bundle(merging)) as fast:
        assert fast.client.post("/classify", content=PNG).status_code == 200
        assert fast.client.get("/models").json()[0]["is_explainable"] is False
        assert_problem(
            fast.client.post("/explain", content=PNG),
            NotExplainable,
            "model tiny 1 merges patches on the way",
            "ask model large, version 2, that it was made of, which predicts the same for 97.9%",
        )


@pytest.mark.parametrize("graph", ["explain", "attend"])
def test_a_bundle_without_the_graphs_classifies_and_says_how_it_would_explain(
    copy_bundle, graph
) -> None:
    folder = copy_bundle(lambda contract: contract["graphs"].pop(graph))
    with serving(folder) as lean:
        assert lean.client.post("/classify", content=PNG).status_code == 200
        assert lean.client.get("/models").json()[0]["is_explainable"] is False
        response = lean.client.post("/explain", content=PNG)
        assert_problem(
            response,
            NotExplainable,
            "model tiny 1 has no graphs of explanations",
            "'vitrine-model export tiny/1 --name tiny --version NEW -o .'",
        )


def test_the_tiny_model_is_of_the_shape_that_these_tests_write_down(tiny_checkpoint) -> None:
    shape: VisionTransformerConfig = tiny_checkpoint.model.config
    assert (shape.grid, shape.tokens, shape.depth, shape.heads) == ((4, 4), 17, 2, 2)


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("application/json, image/png;q=0.1", "application/json"),
        ("image/png;q=0, application/json", "application/json"),
        ("image/png;q=0.9, application/x-npy;q=0.2", "image/png"),
        ("IMAGE/PNG", "image/png"),
        ("image/png;q=loud", "image/png"),
        ("text/html, */*", "application/json"),
    ],
)
def test_the_form_that_is_ranked_highest_is_answered(live: Live, accept, answered) -> None:
    response = live.client.post("/explain", content=PNG, headers={"Accept": accept})
    assert response.headers["content-type"] == answered
