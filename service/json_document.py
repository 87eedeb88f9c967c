"""A JSON body that is read into a typed document, or refused with what is wrong in it."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from service.errors import ErrorDetail, InvalidInput
from service.misfit import misfit

MOST_ERRORS = 10  # that are told of one document

Document = TypeVar("Document", bound=BaseModel)


def read_document(kind: type[Document], body: bytes) -> Document:
    """Read a document. Raises InvalidInput, naming every member that is wrong."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[:MOST_ERRORS]
    if wrong[0]["type"] == "json_invalid":
        reason = wrong[0]["ctx"]["error"]
        raise InvalidInput(f"the body is not JSON: {reason}; send it as UTF-8 JSON")
    errors = [
        ErrorDetail("".join(f"/{part}" for part in item["loc"]), misfit(item)) for item in wrong
    ]
    listed = "; ".join(f"{item.pointer or 'the document'}: {item.detail}" for item in errors)
    raise InvalidInput(f"the JSON body cannot be read: {listed}; see /docs", errors)
