"""The images that a request holds: pixel values that are ready, or encoded pictures."""

from __future__ import annotations

from reprlib import repr as shorten

import numpy as np

from service.contract import Contract
from service.engine import Floats
from service.errors import InvalidInput, PayloadTooLarge
from service.open_inference.request import InferRequest
from service.open_inference.tensor import InputTensor

PIXEL_VALUES = "pixel_values"
IMAGE = "image"
LARGEST_PIXEL_VALUE = 1e6  # far beyond any picture, far below where logits overflow


def images_of(request: InferRequest, contract: Contract, max_images: int) -> Floats | list[bytes]:
    """Give pixel values [B, 3, rows, columns], or the bytes of B pictures.

    Raises InvalidInput for what does not fit the model, PayloadTooLarge beyond `max_images`.
    """
    tensor = request.inputs[0]
    if len(request.inputs) > 1 or tensor.name not in (PIXEL_VALUES, IMAGE):
        names = ", ".join(shorten(item.name) for item in request.inputs)
        raise InvalidInput(f"the inputs are {names}; send either {PIXEL_VALUES} or {IMAGE}")
    if tensor.name == PIXEL_VALUES:
        _check(tensor, "FP32", (3, *contract.architecture.image_size), max_images)
        return _checked_pixel_values(tensor)
    _check(tensor, "BYTES", (1,) if len(tensor.shape) > 1 else (), max_images)
    return tensor.elements()


def _check(tensor: InputTensor, datatype: str, image: tuple[int, ...], max_images: int) -> None:
    if tensor.datatype != datatype:
        raise tensor.refusal(f"is {shorten(tensor.datatype)}; send {datatype}")
    images, *shape = tensor.shape
    if not images or tuple(shape) != image:
        wanted = ", ".join(["images", *map(str, image)])
        raise tensor.refusal(f"has the shape {list(tensor.shape)}; send [{wanted}], 1 or more")
    if images > max_images:
        raise PayloadTooLarge(
            f"the request has {images} images, beyond {max_images}; send several requests"
        )


def _checked_pixel_values(tensor: InputTensor) -> Floats:
    values = tensor.floats()
    with np.errstate(invalid="ignore"):
        fits = np.abs(values) <= LARGEST_PIXEL_VALUE  # false for NaN too
    if not fits.all():
        index = int(np.argmin(fits.all(axis=(1, 2, 3))))
        raise tensor.refusal(
            f"has numbers in image {index} that are not finite or beyond "
            f"{LARGEST_PIXEL_VALUE:,.0f}; prepare it as the contract's preprocessing says"
        )
    return values
