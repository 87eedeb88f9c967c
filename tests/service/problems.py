"""What every error over HTTP must look like."""

from __future__ import annotations

import httpx
import jsonschema

from service.errors import VitrineError
from service.schemas import Problem


def assert_problem(response: httpx.Response, kind: type[VitrineError], *words: str) -> dict:
    """Check the whole document; `words` are the thing, the value and the remedy in its detail."""
    assert response.status_code == kind.status, response.text
    problem = assert_problem_document(response)
    assert problem["type"] == f"urn:vitrine:problem:{kind.slug}"
    assert problem["title"] == kind.title
    for word in words:
        assert word in problem["detail"]
    return problem


def assert_problem_document(response: httpx.Response) -> dict:
    """Check that an answer is RFC 9457's document and belongs to this very request."""
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    jsonschema.validate(problem, Problem.model_json_schema())
    assert problem["status"] == response.status_code
    assert problem["instance"] == response.headers["x-request-id"]
    assert problem["detail"]
    return problem
