"""What a caller may ask of a drawing."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from service.drawing.heatmap import Drawing


@pytest.mark.parametrize(
    ("scale", "ends"),
    [
        ("image", None),
        ("fixed:0,0.5", (0, 0.5)),
        ("fixed:-1,1", (-1, 1)),
        ("fixed:-2e-3,1e3", (-0.002, 1000)),
    ],
)
def test_the_scale_is_the_images_or_fixed(scale, ends) -> None:
    assert Drawing(scale=scale).fixed_scale == ends


@pytest.mark.parametrize(
    "scale",
    [
        *("", "auto", "0,1", "fixed:", "fixed:1", "fixed:1,2,3", "fixed:1,1", "fixed:2,1"),
        *("fixed:nan,1", "fixed:0,inf", "fixed:-1e308,1e308", "fixed:a,b", "image ", "fixed:0;1"),
    ],
)
def test_another_scale_is_refused_with_the_form_expected(scale) -> None:
    with pytest.raises(ValidationError) as refusal:
        Drawing(scale=scale)
    message = str(refusal.value)
    assert "expected image, or fixed:LOW,HIGH with LOW below HIGH" in message
    assert repr(scale) in message


@pytest.mark.parametrize(
    "values",
    [
        {"overlay": "glow"},
        {"colormap": "jet"},
        {"alpha": 1.1},
        {"alpha": float("nan")},
        {"clip": 49.9},
        {"clip": 101},
        {"interpolation": "bicubic"},
        {"size": 63},
    ],
)
def test_a_value_that_does_not_fit_is_refused(values) -> None:
    with pytest.raises(ValidationError):
        Drawing(**values)


def test_every_field_is_described_in_a_sentence() -> None:
    assert all(len(field.description) > 20 for field in Drawing.model_fields.values())


def test_a_drawing_can_be_mixed_into_another_model() -> None:
    class Query(BaseModel):
        target: str | None = None

    class Mixed(Query, Drawing):
        pass

    assert Mixed(target="cat", alpha=0.3).fixed_scale is None
