"""Values that do not fit a pydantic model: each named, and told in the words of our errors."""

from __future__ import annotations

from collections.abc import Mapping
from reprlib import repr as shorten
from typing import Any

from pydantic import ValidationError

from service.errors import ErrorDetail

PREFIX = "Value error, "  # which pydantic sets before what a validator of ours says
SAYING_ALL = ("value_error", "missing", "json_invalid")


def misfits(error: ValidationError, whole: str) -> list[ErrorDetail]:
    """Give everything that does not fit, by its path as `part.1`; `whole` names what has none."""
    return [
        ErrorDetail(".".join(map(str, item["loc"])) or whole, misfit(item))
        for item in error.errors(include_url=False)
    ]


def misfit(item: Mapping[str, Any]) -> str:
    """Say of one of pydantic's errors what was expected, and what came, unless it says so itself.

    What came in place of a member that is missing is all that stands around it: it is left out.
    """
    message = str(item["msg"]).removeprefix(PREFIX)
    return message if item["type"] in SAYING_ALL else f"{message}, not {shorten(item['input'])}"
