"""What is done with pictures, as a contract states it: made of what a source's files tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from service.contract import Preprocessing
from service.errors import InvalidInput
from service.misfit import misfits


def rules_of(values: Mapping[str, Any], where: str) -> Preprocessing:
    """Give values as a contract's preprocessing.

    Raises InvalidInput with everything in `where` that cannot be so.
    """
    try:
        return Preprocessing.model_validate(values)
    except ValidationError as error:
        problems = misfits(error, "sizes")
        told = "; ".join(map(str, problems))
        raise InvalidInput(f"{where} cannot be served: {told}", problems) from None
