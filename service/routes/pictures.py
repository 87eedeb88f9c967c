"""Reads pictures out of a request's body: raw bytes, multipart parts or base64 in JSON."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, create_form_parser

from service.base64_text import decode_base64
from service.errors import (
    CallerGone,
    ErrorDetail,
    InvalidInput,
    PayloadTooLarge,
    UnsupportedMediaType,
)
from service.request_headers import headers_of
from service.routes.context import Context
from service.stage_times import TimedStage

RAW_TYPES = ("image/", "application/octet-stream", "application/x-www-form-urlencoded")
PART_NAME = "image"
LONGEST_NAME = 64  # characters of an unknown part's name that are told
BINARY = {"type": "string", "format": "binary"}
BASE64 = {"type": "string", "format": "byte", "description": "base64, or a data: URL of it"}
REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "One picture as raw bytes, one or many as multipart parts or base64.",
        "content": {
            "image/*": {"schema": BINARY},
            "application/octet-stream": {"schema": BINARY},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [PART_NAME],
                    "properties": {PART_NAME: {"type": "array", "items": BINARY}},
                }
            },
            "application/json": {
                "schema": {
                    "oneOf": [
                        {
                            "type": "object",
                            "required": ["image"],
                            "properties": {"image": BASE64},
                        },
                        {
                            "type": "object",
                            "required": ["images"],
                            "properties": {"images": {"type": "array", "items": BASE64}},
                        },
                    ]
                },
                "examples": {
                    "one": {"value": {"image": "iVBORw0KGgo..."}},
                    "several": {"value": {"images": ["iVBORw0KGgo...", "/9j/4AAQSkZJRg..."]}},
                },
            },
        },
    }
}


class Pictures(NamedTuple):
    """The encoded pictures of a request; `is_list` says that a list of answers is expected."""

    data: tuple[bytes, ...]
    is_list: bool


async def read_pictures(request: Request, context: Context) -> Pictures:
    """Read the pictures of a request.

    Raises PayloadTooLarge beyond the body limit or the number of images, UnsupportedMediaType for
    a body of another type, InvalidInput for one that cannot be read.
    """
    content_type = headers_of(request.scope).get(b"content-type", b"").decode("latin-1").strip()
    media_type = content_type.partition(";")[0].strip().lower()
    max_images = context.settings.max_images
    with TimedStage(context.metrics, "read") as stage:
        body = await read_body(request, context.settings.max_body_bytes)
        stage.sizes["bytes"] = len(body)
    if not media_type or media_type.startswith(RAW_TYPES):
        pictures = Pictures((body,), is_list=False)
    elif media_type == "multipart/form-data":
        pictures = await context.in_thread(lambda: _from_multipart(body, content_type, max_images))
    elif media_type == "application/json":
        pictures = await context.in_thread(lambda: _from_json(body, max_images))
    else:
        raise UnsupportedMediaType(
            f"a body of type {media_type} is not read; send image/*, application/octet-stream, "
            "multipart/form-data or application/json"
        )
    return pictures


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Read a body whole. Raises PayloadTooLarge as soon as it is, CallerGone."""
    chunks: list[bytes] = []
    size = 0
    declared = headers_of(request.scope).get(b"content-length", b"")
    if declared.isdigit():
        _check_size(int(declared), max_bytes)
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise CallerGone("the caller left before the body was read")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        _check_size(size, max_bytes)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise PayloadTooLarge(
            f"the body has {size:,} bytes or more, beyond {max_bytes:,}; "
            "send fewer or smaller images"
        )


def _check_count(count: int, max_images: int) -> None:
    if count > max_images:
        raise PayloadTooLarge(
            f"the request has {count} images or more, beyond {max_images}; send several requests"
        )


def _from_multipart(body: bytes, content_type: str, max_images: int) -> Pictures:
    parts: list[bytes] = []
    strangers: list[str] = []

    def on_part(field_name: bytes | None, content: bytes) -> None:
        name = (field_name or b"").decode(errors="replace")
        if name == PART_NAME:
            parts.append(content)
        else:
            strangers.append(name[:LONGEST_NAME])
        _check_count(len(parts) + len(strangers), max_images)

    def on_file(file: File) -> None:
        file.file_object.seek(0)
        on_part(file.field_name, file.file_object.read())
        file.close()

    def on_field(field: Field) -> None:  # a part without a file name
        on_part(field.field_name, field.value or b"")

    try:
        parser = create_form_parser(
            {"Content-Type": content_type.encode("latin-1")},
            on_field,
            on_file,
            config={"MAX_MEMORY_FILE_SIZE": len(body) + 1},
        )
        parser.write(body)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise InvalidInput(
            f"the multipart body cannot be read: {error}; let your HTTP client write it"
        ) from None
    if strangers:
        detail = f"unknown parts: {', '.join(strangers)}; name every part {PART_NAME!r}"
        raise InvalidInput(detail, [ErrorDetail(name, "unknown part") for name in strangers])
    if not parts:
        raise InvalidInput(f"the multipart body has no part named {PART_NAME!r}; add one")
    return Pictures(tuple(parts), is_list=len(parts) > 1)


def _from_json(body: bytes, max_images: int) -> Pictures:
    try:
        document = json.loads(body)
    except RecursionError:
        raise InvalidInput(
            "the body is not JSON that is read: it nests too deep; send one object"
        ) from None
    except ValueError as error:
        raise InvalidInput(f"the body is not JSON: {error}; send it as UTF-8 JSON") from None
    if isinstance(document, dict) and set(document) == {"image"}:
        return Pictures((decode_base64(document["image"], "/image"),), is_list=False)
    if isinstance(document, dict) and set(document) == {"images"}:
        images = document["images"]
        if isinstance(images, list) and images:
            _check_count(len(images), max_images)
            decoded = (decode_base64(text, f"/images/{index}") for index, text in enumerate(images))
            return Pictures(tuple(decoded), is_list=True)
    raise InvalidInput(
        'the JSON body must be {"image": base64} or {"images": [base64, ...]} with nothing else'
    )
