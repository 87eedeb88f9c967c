"""`/v2` over a real socket, with Triton's own client and with bodies that no client writes.

KServe's client (`kserve.InferenceRESTClient`, protocols v1 and v2) was tried as well, in an
environment of its own, since it needs older packages than other parts do: readiness, `infer` with
`image` and `pixel_values`, in binary and in JSON, `infer` and `explain` of v1.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from service.decoding import ImageLimits
from service.errors import (
    InvalidInput,
    ModelNotFound,
    ModelNotReady,
    PayloadTooLarge,
    UnreadableImage,
    UnsupportedMediaType,
)
from service.preprocess import preprocess
from tests.service.live import Live, serving
from tests.service.pictures import draw, encode, text_of
from tests.service.problems import assert_problem

PICTURES = (encode(draw()), encode(draw(seed=1), "JPEG", quality=95), encode(draw(seed=2)))
INFER = "/v2/models/tiny/infer"


@pytest.fixture(scope="module")
def client(live: Live) -> Iterator[triton.InferenceServerClient]:
    host, port = live.address
    with triton.InferenceServerClient(f"{host}:{port}") as client:
        yield client


@pytest.fixture(scope="module")
def pixel_values(live: Live) -> np.ndarray:
    """What the service makes of the pictures itself: [3, 3, 32, 32]."""
    preprocessing = live.context.registry.get().contract.preprocessing
    return np.stack([preprocess(data, preprocessing, ImageLimits())[1] for data in PICTURES])


def probabilities(live: Live, data: bytes) -> list[float]:
    """What `/classify` gives for a picture, by index."""
    answer = live.client.post("/classify", content=data).json()
    by_index = {item["index"]: item["probability"] for item in answer["predictions"]}
    return [by_index[index] for index in sorted(by_index)]


def image_input(
    *data: bytes, binary: bool = True, shape: tuple[int, ...] = ()
) -> triton.InferInput:
    elements = [one if binary else text_of(one).encode() for one in data]
    values = np.array(elements, dtype=np.object_).reshape(shape or len(data))
    tensor = triton.InferInput("image", list(values.shape), "BYTES")
    return tensor.set_data_from_numpy(values, binary_data=binary)


def pixel_input(values: np.ndarray, binary: bool = True) -> triton.InferInput:
    tensor = triton.InferInput("pixel_values", list(values.shape), "FP32")
    return tensor.set_data_from_numpy(values, binary_data=binary)


def tensor(**changes: object) -> dict:
    sent = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [text_of(PICTURES[0])]}
    return {**sent, **changes}


def infer(live: Live, *inputs: dict, **members: object) -> httpx.Response:
    return live.client.post(INFER, json={"inputs": list(inputs), **members})


def test_server_and_model_are_live_and_ready(client) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("tiny")
    assert client.is_model_ready("tiny", "1")
    assert not client.is_model_ready("tiny", "2")
    assert not client.is_model_ready("giant")


def test_the_server_names_itself_and_its_extensions(client) -> None:
    metadata = client.get_server_metadata()
    assert metadata["name"] == "vitrine"
    assert "binary_tensor_data" in metadata["extensions"]


@pytest.mark.parametrize("version", ["", "1"])
def test_a_model_states_its_tensors(client, version) -> None:
    metadata = client.get_model_metadata("tiny", version)
    assert (metadata["name"], metadata["versions"]) == ("tiny", ["1"])
    shapes = {item["name"]: item["shape"] for item in metadata["inputs"] + metadata["outputs"]}
    assert shapes == {
        "pixel_values": [-1, 3, 32, 32],
        "image": [-1],
        "logits": [-1, 3],
        "probabilities": [-1, 3],
        "readout": [-1, 24],
        "labels": [-1, 3],
    }


def test_a_model_has_a_configuration_and_the_repository_an_index(client) -> None:
    config = client.get_model_config("tiny")
    assert config["max_batch_size"] == 64
    assert config["input"][0]["dims"] == [3, 32, 32]
    assert client.get_model_repository_index() == [
        {"name": "tiny", "version": "1", "state": "READY", "reason": ""}
    ]


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_pictures_are_classified_as_classify_does(live: Live, client, binary, shape) -> None:
    outputs = [triton.InferRequestedOutput("probabilities", binary_data=binary)]
    sent = image_input(*PICTURES, binary=binary, shape=shape)
    given = client.infer("tiny", [sent], outputs=outputs).as_numpy("probabilities")
    expected = [probabilities(live, data) for data in PICTURES]
    np.testing.assert_allclose(given, expected, atol=1e-5)


@pytest.mark.parametrize("binary", [True, False])
def test_pixel_values_are_classified_as_their_pictures_are(client, pixel_values, binary) -> None:
    given = client.infer("tiny", [pixel_input(pixel_values, binary)])
    expected = client.infer("tiny", [image_input(*PICTURES)])
    for name in ("logits", "probabilities", "readout"):
        assert given.as_numpy(name).dtype == np.float32
        np.testing.assert_allclose(given.as_numpy(name), expected.as_numpy(name), atol=1e-5)


def test_labels_come_best_first_for_every_image(live: Live, client) -> None:
    given = client.infer("tiny", [image_input(*PICTURES)]).as_numpy("labels")
    for row, data in zip(given, PICTURES, strict=True):
        answer = live.client.post("/classify", content=data).json()
        assert [label.decode() for label in row] == [
            item["label"] for item in answer["predictions"]
        ]


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (2, 2), (99, 3)])
def test_classification_names_the_best_classes(client, count, expected) -> None:
    outputs = [triton.InferRequestedOutput("probabilities", class_count=count)]
    given = client.infer("tiny", [image_input(*PICTURES)], outputs=outputs)
    rows = given.as_numpy("probabilities")
    assert rows.shape == (3, expected)
    value, index, label = rows[0, 0].decode().split(":")
    assert 1 / 3 < float(value) <= 1
    assert ("cat", "dog", "ship")[int(index)] == label


def test_only_the_outputs_asked_for_come_each_in_its_own_form(client) -> None:
    outputs = [
        triton.InferRequestedOutput("readout", binary_data=True),
        triton.InferRequestedOutput("logits", binary_data=False),
    ]
    given = client.infer("tiny", [image_input(PICTURES[0])], outputs=outputs).get_response()
    readout, logits = given["outputs"]
    assert (readout["name"], readout["parameters"]) == ("readout", {"binary_data_size": 96})
    assert (logits["name"], len(logits["data"])) == ("logits", 3)


def test_the_requests_id_model_and_version_come_back(client) -> None:
    sent = [image_input(PICTURES[0])]
    given = client.infer("tiny", sent, model_version="1", request_id="seven").get_response()
    assert given["id"] == "seven"
    assert (given["model_name"], given["model_version"]) == ("tiny", "1")


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_a_compressed_body_is_read(client, pixel_values, algorithm) -> None:
    sent = [pixel_input(pixel_values)]
    given = client.infer("tiny", sent, request_compression_algorithm=algorithm)
    expected = client.infer("tiny", sent)
    assert np.array_equal(given.as_numpy("logits"), expected.as_numpy("logits"))


@pytest.mark.parametrize(
    ("model", "version", "words"),
    [("giant", "", "giant is not served; there are tiny 1"), ("tiny", "2", "tiny version 2")],
)
def test_an_error_reaches_the_client_with_its_message(client, model, version, words) -> None:
    with pytest.raises(InferenceServerException) as refused:
        client.infer(model, [image_input(PICTURES[0])], model_version=version)
    assert words in refused.value.message()
    assert refused.value.status() == "404"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((1, 3, 16, 16), np.float32), "[1, 3, 16, 16]; send [images, 3, 32, 32]"),
        (np.zeros((3, 32, 32), np.float32), "[3, 32, 32]; send [images, 3, 32, 32]"),
        (np.zeros((0, 3, 32, 32), np.float32), "[0, 3, 32, 32]; send [images, 3, 32, 32], 1"),
        (np.full((2, 3, 32, 32), np.nan, np.float32), "image 0 that are not finite"),
        (np.full((2, 3, 32, 32), np.inf, np.float32), "image 0 that are not finite"),
        (np.full((2, 3, 32, 32), 3e38, np.float32), "image 0 that are not finite or beyond"),
    ],
)
@pytest.mark.parametrize("binary", [True, False])
def test_pixel_values_that_no_picture_gives_are_refused(client, values, words, binary) -> None:
    with pytest.raises(InferenceServerException) as refused:
        client.infer("tiny", [pixel_input(values, binary)])
    assert words in refused.value.message()
    assert refused.value.status() == "400"


def test_a_bad_picture_fails_its_request_and_is_named(live: Live) -> None:
    data = [text_of(PICTURES[0]), text_of(PICTURES[2][:-40])]
    response = infer(live, tensor(shape=[2], data=data))
    problem = assert_problem(response, UnreadableImage, "image 1: the PNG picture")
    assert problem["error"] == problem["detail"]


@pytest.mark.parametrize(
    ("inputs", "kind", "words"),
    [
        ([tensor(name="images")], InvalidInput, "'images'; send either pixel_values or image"),
        ([tensor(), tensor(name="pixel_values")], InvalidInput, "send either"),
        ([tensor(datatype="FP32")], InvalidInput, "input image is 'FP32'; send BYTES"),
        ([tensor(data=["?"])], InvalidInput, "/inputs/0/data/0 is not base64"),
        ([tensor(data=[7])], InvalidInput, "/inputs/0/data/0 is not base64"),
        ([tensor(shape=[2])], InvalidInput, "has 1 elements; its shape [2] takes 2"),
        ([tensor(shape=[1, 2])], InvalidInput, "send [images, 1]"),
        ([tensor(shape=[65])], PayloadTooLarge, "65 images, beyond 64"),
        ([tensor(shape=[2**31], data=[])], PayloadTooLarge, "images, beyond 64"),
        ([tensor(data=[text_of(b"no picture")])], UnsupportedMediaType, "image 0: "),
    ],
)
def test_inputs_that_do_not_fit_are_refused_with_what_would(live, inputs, kind, words) -> None:
    assert_problem(infer(live, *inputs), kind, words)


def test_an_output_that_does_not_exist_is_refused_with_those_that_do(live: Live) -> None:
    response = infer(live, tensor(), outputs=[{"name": "\u00e9" * 99}])
    assert_problem(response, InvalidInput, "does not exist; there are logits, probabilities")


@pytest.mark.parametrize("cut", [0, 1, 40, -1])
def test_a_body_cut_short_is_refused(live: Live, pixel_values, cut) -> None:
    body, length = triton.InferenceServerClient.generate_request_body([pixel_input(pixel_values)])
    headers = {"Inference-Header-Content-Length": str(length)}
    assert live.client.post(INFER, content=body, headers=headers).status_code == 200
    assert_problem(live.client.post(INFER, content=body[:cut], headers=headers), InvalidInput)


def test_a_body_in_another_encoding_is_refused(live: Live) -> None:
    response = live.client.post(INFER, content=b"{}", headers={"Content-Encoding": "br"})
    assert_problem(response, UnsupportedMediaType, "gzip")


def test_a_path_that_does_not_exist_has_the_protocols_error_too(live: Live) -> None:
    problem = live.client.get("/v2/models/tiny/stats").json()
    assert problem["error"] == problem["detail"]


def test_only_the_protocols_routes_have_the_error_member(live: Live) -> None:
    assert "error" not in live.client.get("/models/giant").json()


def test_while_loading_nothing_is_ready(tmp_path: Path) -> None:
    with serving(tmp_path, wait=False) as live:  # an empty folder: the models never open
        assert live.client.get("/v2/health/live").json() == {"live": True}
        response = live.client.get("/v2/health/ready")
        assert (response.status_code, response.json()) == (503, {"ready": False})
        for path in ("/v2/models/tiny/ready", "/v1/models/tiny"):
            assert_problem(live.client.get(path), ModelNotReady, "try again")


def test_every_foreign_route_counts_the_classes_it_predicts(live: Live) -> None:
    def counted() -> float:
        return sum(
            live.metric("vitrine_predicted_total", label=label, model="tiny")
            for label in ("cat", "dog", "ship")
        )

    before = counted()
    infer(live, tensor())
    live.client.post("/hf/image-classification", content=PICTURES[0])
    instances = [{"b64": text_of(PICTURES[0])}]
    live.client.post("/v1/models/tiny:predict", json={"instances": instances})
    assert counted() == before + 3


def test_an_error_is_the_problem_document_with_an_error_member(live: Live) -> None:
    problem = assert_problem(live.client.get("/v2/models/giant"), ModelNotFound, "giant")
    assert problem["error"] == problem["detail"]
