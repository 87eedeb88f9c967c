"""The OpenAPI document is valid, whole and true."""

from __future__ import annotations

import jsonschema
import pytest
from fastapi.routing import APIRoute
from openapi_spec_validator import validate

from service.explain_schemas import ExplainParameters
from service.problems import EXPLAIN_PROBLEMS, PICTURE_PROBLEMS, TRACE_PROBLEMS
from service.routes.trace import TraceParameters
from service.schemas import ClassifyParameters
from tests.service.live import Live
from tests.service.pictures import draw, encode, text_of

PNG = encode(draw())
INSTANCES = {"json": {"instances": [{"image": {"b64": text_of(PNG)}}]}}
TENSORS = {
    "json": {
        "inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": [text_of(PNG)]}]
    }
}
BODIES = {":predict": INSTANCES, ":explain": INSTANCES, "/infer": TENSORS}  # by the path's end
QUERIES = {"/trace": {"tensors": "logits"}}


@pytest.fixture(scope="module")
def document(live: Live) -> dict:
    return live.client.get("/openapi.json").json()


def operations(document: dict) -> list[tuple[str, str, dict]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_it_is_valid(document) -> None:
    validate(document)


def test_every_route_of_the_api_is_documented(live: Live, document) -> None:
    routes = {route.path for route in live.app.routes if isinstance(route, APIRoute)}
    assert {"/classify", "/explain", "/explain/methods", "/models", "/models/{name}"} <= set(
        document["paths"]
    )
    assert routes - {"/", "/guide"} <= set(document["paths"])


def test_every_route_has_a_summary_and_a_description(document) -> None:
    for path, method, operation in operations(document):
        assert operation.get("summary"), (path, method)
        assert operation.get("description"), (path, method)


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/classify", ClassifyParameters),
        ("/explain", ExplainParameters),
        ("/trace", TraceParameters),
    ],
)
def test_every_parameter_is_documented(document, path, parameters) -> None:
    documented = {item["name"]: item for item in document["paths"][path]["post"]["parameters"]}
    assert documented.keys() == parameters.model_fields.keys()
    assert all(item["description"] for item in documented.values())


@pytest.mark.parametrize(
    ("path", "problems"),
    [
        ("/classify", PICTURE_PROBLEMS),
        ("/explain", EXPLAIN_PROBLEMS),
        ("/trace", TRACE_PROBLEMS),
    ],
)
def test_every_problem_is_documented_with_an_example(document, path, problems) -> None:
    responses = document["paths"][path]["post"]["responses"]
    for kind in problems:
        content = responses[str(kind.status)]["content"]["application/problem+json"]
        assert content["examples"][kind.slug]["value"]["status"] == kind.status


@pytest.mark.parametrize("path", ["/classify", "/explain", "/trace"])
def test_every_body_form_is_documented(document, path) -> None:
    assert document["paths"][path]["post"]["requestBody"]["content"].keys() == {
        "image/*",
        "application/octet-stream",
        "multipart/form-data",
        "application/json",
    }


def test_every_documented_route_answers(live: Live, document) -> None:
    for path, method, _ in operations(document):
        bodies = [body for end, body in BODIES.items() if path.endswith(end)]
        body = (*bodies, {"content": PNG})[0] if method == "post" else {}
        named = path.replace("{name}", "tiny").replace("{version}", "1")
        response = live.client.request(method, named, params=QUERIES.get(path), **body)
        expected = 403 if path.endswith(("/reload", "/rollback")) else 200  # there are no keys
        assert response.status_code == expected, (path, method, response.text)


@pytest.mark.parametrize("path", ["/classify", "/explain"])
@pytest.mark.parametrize("several", [False, True])
def test_answers_are_what_the_document_says(live: Live, document, path, several) -> None:
    images = [text_of(PNG), text_of(b"no picture")]
    body = {"json": {"images": images}} if several else {"content": PNG}
    answer = live.client.post(path, **body).json()
    content = document["paths"][path]["post"]["responses"]["200"]["content"]
    schema = {**content["application/json"]["schema"], "components": document["components"]}
    jsonschema.validate(answer, schema)
