"""What is done with pictures when a model is to see them at another size."""

from __future__ import annotations

from service.contract import Preprocessing


def at_image_size(preprocessing: Preprocessing, image_size: int) -> Preprocessing:
    """Give the same for squares of `image_size` pixels.

    The margin that is cropped off stays the same share of the picture.
    """
    size = tuple(
        max(image_size, round(side * image_size / cropped))
        for side, cropped in zip(preprocessing.size, preprocessing.crop, strict=True)
    )
    crop = (image_size, image_size)
    return Preprocessing.model_validate({**preprocessing.model_dump(), "size": size, "crop": crop})
