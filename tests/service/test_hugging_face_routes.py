"""The Hub's image classification over a real socket, with the Hub's own client."""

from __future__ import annotations

import numpy as np
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from service.errors import InvalidInput, ModelNotFound, UnsupportedMediaType
from tests.service.live import Live
from tests.service.pictures import draw, encode, text_of
from tests.service.problems import assert_problem

PNG = encode(draw())
ROUTE = "/hf/image-classification"


@pytest.fixture(scope="module")
def client(live: Live) -> InferenceClient:
    host, port = live.address
    return InferenceClient(model=f"http://{host}:{port}{ROUTE}")


def test_the_hubs_client_gets_the_classes_that_classify_gives(live: Live, client, tmp_path) -> None:
    expected = live.client.post("/classify", content=PNG).json()["predictions"]
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    for image in (PNG, path):
        scores = client.image_classification(image)
        assert [item.label for item in scores] == [item["label"] for item in expected]
        assert scores[0].score == pytest.approx(expected[0]["probability"], abs=1e-5)


def test_the_hubs_client_may_ask_for_the_best_alone(client) -> None:
    best, *_ = client.image_classification(PNG)
    (only,) = client.image_classification(PNG, top_k=1)
    assert only.label == best.label


def test_the_hubs_client_may_ask_for_logits_and_for_sigmoids(client) -> None:
    logits = client.image_classification(PNG, function_to_apply="none")
    sigmoids = client.image_classification(PNG, function_to_apply="sigmoid")
    expected = 1 / (1 + np.exp([-item.score for item in logits]))
    assert [item.score for item in sigmoids] == pytest.approx(expected, abs=1e-5)


def test_the_hubs_client_is_told_what_is_wrong(client) -> None:
    with pytest.raises(HfHubHTTPError, match="not a picture in one of JPEG") as refused:
        client.image_classification(b"no picture")
    assert refused.value.response.status_code == 415


def test_a_model_may_be_chosen_in_the_query(live: Live) -> None:
    assert live.client.post(f"{ROUTE}?model=tiny&version=1", content=PNG).status_code == 200
    assert_problem(live.client.post(f"{ROUTE}?model=giant", content=PNG), ModelNotFound, "giant")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "/inputs: Field required"),
        ({"inputs": "?"}, "/inputs is not base64"),
        ({"inputs": text_of(PNG), "parameters": {"top_k": 0}}, "/parameters/top_k"),
        ({"inputs": text_of(PNG), "parameters": {"function_to_apply": "relu"}}, "'softmax'"),
    ],
)
def test_a_task_that_cannot_be_read_is_refused(live: Live, document, words) -> None:
    problem = assert_problem(live.client.post(ROUTE, json=document), InvalidInput, words)
    assert problem["error"] == problem["detail"]


def test_raw_bytes_are_a_picture_whatever_type_is_declared(live: Live) -> None:
    headers = {"Content-Type": "text/plain"}
    assert live.client.post(ROUTE, content=PNG, headers=headers).status_code == 200
    assert_problem(live.client.post(ROUTE, content=b"{}", headers=headers), UnsupportedMediaType)
