"""The body of KServe's first protocol: instances, each a picture, and parameters for them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field

from service.base64_text import decode_base64
from service.errors import ErrorDetail, InvalidInput, PayloadTooLarge
from service.json_document import read_document

PICTURE_NAMES = ("image", "image_bytes")
BASE64_NAME = "b64"


class InstancesDocument(BaseModel):
    """The JSON; other members, such as `signature_name`, are not looked at."""

    instances: Annotated[list[Any], Field(min_length=1)]
    parameters: dict[str, Any] | None = None


@dataclass(frozen=True)
class Instances:
    """The encoded pictures, and what is asked of them."""

    data: tuple[bytes, ...]
    parameters: dict[str, Any]


def read_instances(body: bytes, max_images: int) -> Instances:
    """Read the body. Raises InvalidInput, and PayloadTooLarge beyond `max_images`."""
    document = read_document(InstancesDocument, body)
    count = len(document.instances)
    if count > max_images:
        raise PayloadTooLarge(
            f"the request has {count} instances, beyond {max_images}; send several requests"
        )
    data = (_picture(one, f"/instances/{index}") for index, one in enumerate(document.instances))
    return Instances(tuple(data), document.parameters or {})


def _picture(instance: object, pointer: str) -> bytes:
    if isinstance(instance, dict):
        for name in PICTURE_NAMES:
            if isinstance(instance.get(name), dict) and BASE64_NAME in instance[name]:
                return decode_base64(instance[name][BASE64_NAME], f"{pointer}/{name}/{BASE64_NAME}")
        if BASE64_NAME in instance:
            return decode_base64(instance[BASE64_NAME], f"{pointer}/{BASE64_NAME}")
    detail = f'{pointer} holds no picture; send {{"image": {{"b64": base64}}}}'
    raise InvalidInput(detail, [ErrorDetail(pointer, detail)])
