"""Turns errors into `application/problem+json` (RFC 9457). Nothing else does."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from service.errors import (
    DeadlineExceeded,
    ErrorDetail,
    InferenceFailed,
    InvalidInput,
    InvalidParameter,
    ModelNotFound,
    ModelNotReady,
    NotExplainable,
    NotTraceable,
    Overloaded,
    PayloadTooLarge,
    RateLimited,
    RequestTimeout,
    RetryableError,
    Unauthorized,
    UnreadableImage,
    UnsupportedMediaType,
    VitrineError,
)
from service.misfit import misfit
from service.schemas import ErrorItem, Problem

MEDIA_TYPE = "application/problem+json"
TOLD = "told"  # the unforeseen error that a request has been answered with
PROBLEM_SCHEMA = {"$ref": "#/components/schemas/Problem"}
logger = logging.getLogger("vitrine")
ERROR_MEMBER_PATHS = ("/v1/", "/v2", "/hf/")  # of protocols whose clients read `error`

PICTURE_PROBLEMS: tuple[type[VitrineError], ...] = (
    InvalidInput,
    Unauthorized,
    ModelNotFound,
    RequestTimeout,
    PayloadTooLarge,
    UnsupportedMediaType,
    UnreadableImage,
    InvalidParameter,
    RateLimited,
    InferenceFailed,
    Overloaded,
    ModelNotReady,
    DeadlineExceeded,
)
EXPLAIN_PROBLEMS = (*PICTURE_PROBLEMS, NotExplainable)
TRACE_PROBLEMS = (*PICTURE_PROBLEMS, NotTraceable)
HEADERS: Mapping[type[VitrineError], Mapping[str, str]] = {
    Unauthorized: {"WWW-Authenticate": "Bearer"},
    RequestTimeout: {"Connection": "close"},  # the rest of the body would be read for nothing
}


def problem_of(error: VitrineError, instance: str) -> Problem:
    """Describe an error for the caller."""
    return Problem(
        type=f"urn:vitrine:problem:{error.slug}",
        title=error.title,
        status=error.status,
        detail=error.detail,
        instance=instance,
        errors=[ErrorItem(pointer=item.pointer, detail=item.detail) for item in error.errors],
    )


def documented(problems: tuple[type[VitrineError], ...]) -> dict[int | str, dict[str, Any]]:
    """Give the OpenAPI responses for the problems of a route."""
    responses: dict[int | str, dict[str, Any]] = {}
    for kind in problems:
        example = problem_of(kind(str(kind.__doc__)), "3f6c0a1e").model_dump()
        response = responses.setdefault(
            kind.status,
            {
                "description": kind.title,
                "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA, "examples": {}}},
            },
        )
        if kind.title not in response["description"]:
            response["description"] += f", or {kind.title.lower()}"
        response["content"][MEDIA_TYPE]["examples"][kind.slug] = {"value": example}
    return responses


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of an application with a problem document."""

    async def on_vitrine_error(request: Request, error: Exception) -> Response:
        return problem_response(request, cast(VitrineError, error))

    async def on_invalid_request(request: Request, error: Exception) -> Response:
        return invalid_request_response(request, cast(RequestValidationError, error))

    async def on_http_exception(request: Request, error: Exception) -> Response:
        exception = cast(HTTPException, error)
        allowed = (exception.headers or {}).get("Allow")
        remedy = f"use {allowed}; /docs lists the API" if allowed else "/docs lists the API"
        problem = Problem(
            type="about:blank",
            title=str(exception.detail),
            status=exception.status_code,
            detail=f"{request.method} {request.url.path}: {exception.detail}; {remedy}",
            instance=request.state.request_id,
        )
        return _response(request, problem, exception.headers or {})

    async def on_unexpected(request: Request, error: Exception) -> Response:
        request.scope["state"][TOLD] = error
        return unexpected_response(request, error)

    app.add_exception_handler(VitrineError, on_vitrine_error)
    app.add_exception_handler(RequestValidationError, on_invalid_request)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(Exception, on_unexpected)


def unexpected_response(request: Request, error: Exception) -> Response:
    """Answer an error that nobody foresaw; the log has what it was."""
    logger.error("request %s failed", request.state.request_id, exc_info=error)
    return problem_response(
        request, InferenceFailed("the service failed; its log names this request's id")
    )


def problem_response(request: Request, error: VitrineError) -> Response:
    """Answer an error."""
    if error.status >= InferenceFailed.status and not isinstance(error, RetryableError):
        logger.error("request %s failed: %s", request.state.request_id, error.detail)
    request.state.problem = error.slug
    headers = dict(HEADERS.get(type(error), {}))
    if isinstance(error, RetryableError):
        headers["Retry-After"] = str(math.ceil(error.retry_after_seconds))
    return _response(request, problem_of(error, request.state.request_id), headers)


def invalid_request_response(request: Request, error: RequestValidationError) -> Response:
    """Answer parameters that do not exist or do not fit."""
    errors = [
        ErrorDetail("/".join(map(str, item["loc"][1:])) or str(item["loc"][0]), _wrong(item))
        for item in error.errors()
    ]
    detail = "; ".join(map(str, errors))
    return problem_response(request, InvalidParameter(detail, errors))


def _wrong(item: Mapping[str, Any]) -> str:
    if item["type"] == "extra_forbidden":
        return "there is no such parameter; /docs lists them"
    return misfit(item)


def _response(request: Request, problem: Problem, headers: Mapping[str, str]) -> Response:
    document = problem.model_dump()
    if request.scope["path"].startswith(ERROR_MEMBER_PATHS):
        document["error"] = problem.detail
    return Response(
        json.dumps(document, separators=(",", ":")),
        status_code=problem.status,
        headers=dict(headers),
        media_type=MEDIA_TYPE,
    )
