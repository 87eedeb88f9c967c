"""What does not fit is told by its name, with what was expected and what came."""

from __future__ import annotations

import re
from typing import Self

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from service.misfit import misfits


class Frame(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str
    sides: tuple[int, int] = (1, 1)
    colour: str = Field(default="gold", pattern="^[a-z]+$")

    @model_validator(mode="after")
    def is_no_line(self) -> Self:
        if 0 in self.sides:
            raise ValueError(f"sides {self.sides} are a line's; give two above 0")
        return self


def refused(document: str) -> list[str]:
    with pytest.raises(ValidationError) as error:
        Frame.model_validate_json(document)
    return [str(item) for item in misfits(error.value, "the frame")]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (
            '{"title": "a", "sides": [3, "x"]}',
            "sides.1: Input should be a valid integer, .*, not 'x'",
        ),
        (
            '{"title": "a", "sides": [0, 2]}',
            r"the frame: sides \(0, 2\) are a line's; give two above 0",
        ),
        ('{"sides": [3, 4]}', "title: Field required"),
        ('{"title": "a", "glass": 3}', "glass: Extra inputs are not permitted, not 3"),
        ('{"title": "a"', "the frame: Invalid JSON: EOF .*"),
    ],
)
def test_it_is_named_and_says_what_was_expected_and_what_came(document: str, told: str) -> None:
    (found,) = refused(document)
    assert re.fullmatch(told, found)


def test_all_of_it_is_told_at_once() -> None:
    assert [line.partition(":")[0] for line in refused('{"sides": "x", "colour": ""}')] == [
        "title",
        "sides",
        "colour",
    ]


def test_what_came_is_told_in_short() -> None:
    (found,) = refused('{"title": "a", "colour": "%s"}' % ("A" * 10_000))
    assert len(found) < 120
