"""What is done with pictures when a model sees them at another size."""

from __future__ import annotations

from model.image_size import at_image_size
from service.contract import Preprocessing


def test_levels_and_margin_stay_those_of_the_model():
    margin = Preprocessing(
        resize="exact", size=(40, 48), crop=(32, 32), interpolation="bilinear",
        mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4), background=(0, 0, 0),
    )  # fmt: skip
    fitted = at_image_size(margin, 64)
    assert (fitted.size, fitted.crop) == ((80, 96), (64, 64))
    assert fitted.model_dump(exclude={"size", "crop"}) == margin.model_dump(
        exclude={"size", "crop"}
    )


def test_a_picture_without_a_margin_stays_without_one():
    whole = Preprocessing(size=(33, 33), crop=(33, 33), mean=(0, 0, 0), std=(1, 1, 1))
    assert at_image_size(whole, 50).size == (50, 50)
