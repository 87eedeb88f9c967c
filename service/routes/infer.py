"""`/v2/models/{name}/infer`: the Open Inference Protocol's tensors in, and tensors out."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response

from service.contract import Contract
from service.engine import Floats
from service.errors import VitrineError
from service.image_runner import Classified
from service.open_inference.images import images_of
from service.open_inference.outputs import output_tensor, requested_outputs
from service.open_inference.request import InferRequest, RequestedOutput, read_request
from service.open_inference.response import write_response
from service.problems import PICTURE_PROBLEMS, documented
from service.routes.body import read_plain_body
from service.routes.classification import (
    ClassifiedPicture,
    classify_pictures,
    classify_pixel_values,
)
from service.routes.context import InContext
from service.routes.stages import Stopwatch, answering_model

router = APIRouter(prefix="/v2/models/{name}", tags=["protocols"])
HEADER_LENGTH = "Inference-Header-Content-Length"

TENSOR = {
    "type": "object",
    "required": ["name", "datatype", "shape"],
    "properties": {
        "name": {"type": "string"},
        "datatype": {"enum": ["FP32", "BYTES"]},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "parameters": {"type": "object"},
        "data": {"type": "array", "items": {}},
    },
}
BINARY = {"schema": {"type": "string", "format": "binary"}}
INFER_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": (
            "One input: `pixel_values` FP32 [images, 3, rows, columns], or `image` BYTES [images], "
            "base64 in JSON. With binary tensor data, bytes follow the JSON, and the header "
            f"{HEADER_LENGTH} says how many bytes the JSON has."
        ),
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["inputs"],
                    "properties": {
                        "id": {"type": "string"},
                        "inputs": {"type": "array", "items": TENSOR},
                        "outputs": {"type": "array", "items": {"type": "object"}},
                        "parameters": {"type": "object"},
                    },
                },
                "examples": {
                    "one": {
                        "value": {
                            "inputs": [
                                {
                                    "name": "image",
                                    "datatype": "BYTES",
                                    "shape": [1],
                                    "data": ["iVBORw0KGgo..."],
                                }
                            ],
                            "outputs": [{"name": "probabilities"}],
                        }
                    }
                },
            },
            "application/octet-stream": BINARY,
        },
    }
}
ANSWERED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The outputs asked for",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["model_name", "model_version", "outputs"],
                    "properties": {
                        "model_name": {"type": "string"},
                        "model_version": {"type": "string"},
                        "id": {"type": "string"},
                        "outputs": {"type": "array", "items": TENSOR},
                    },
                }
            },
            "application/octet-stream": BINARY,
        },
    }
}


async def infer(
    name: str, request: Request, context: InContext, version: str | None = None
) -> Response:
    """Classify images and give the outputs that are asked for: all of them by default.

    The protocol has no error for one image of several, so that a bad picture fails its request.
    """
    watch = Stopwatch.start()
    with answering_model(request, context, "classify", name, version) as model:
        body = await read_plain_body(request, context)
        stated, limit = request.headers.get(HEADER_LENGTH), context.settings.max_images
        asked, wanted, images = await context.in_thread(
            lambda: _read(body, stated, model.contract, limit)
        )
        classified = (
            await classify_pixel_values(request, context, model, list(images), watch)
            if isinstance(images, np.ndarray)
            else _all_readable(await classify_pictures(request, context, model, images, watch))
        )
        write = partial(_answer, asked, wanted, classified, model.contract)
        return await context.in_thread(write)


for path, what in (("/versions/{version}/infer", " with a model version"), ("/infer", "")):
    router.add_api_route(
        path,
        infer,
        methods=["POST"],
        summary=f"Infer{what}, as v2",
        response_class=Response,
        responses={**ANSWERED, **documented(PICTURE_PROBLEMS)},
        openapi_extra=INFER_BODY,
    )


def _read(
    body: bytes, header_length: str | None, contract: Contract, max_images: int
) -> tuple[InferRequest, tuple[RequestedOutput, ...], Floats | list[bytes]]:
    asked = read_request(body, header_length)
    return asked, requested_outputs(asked), images_of(asked, contract, max_images)


def _all_readable(items: list[ClassifiedPicture | VitrineError]) -> list[ClassifiedPicture]:
    readable: list[ClassifiedPicture] = []
    for index, item in enumerate(items):
        if isinstance(item, VitrineError):
            raise type(item)(f"image {index}: {item.detail}", item.errors)
        readable.append(item)
    return readable


def _answer(
    asked: InferRequest,
    wanted: tuple[RequestedOutput, ...],
    classified: list[Classified] | list[ClassifiedPicture],
    contract: Contract,
) -> Response:
    logits = np.stack([item.logits for item in classified])
    readout = np.stack([item.readout for item in classified])
    outputs = [
        (output_tensor(output, logits, readout, contract.labels), output.is_binary)
        for output in wanted
    ]
    answer = write_response((contract.name, contract.version), asked.id, outputs)
    if answer.header_length is None:
        return Response(answer.body, media_type="application/json")
    headers = {HEADER_LENGTH: str(answer.header_length)}
    return Response(answer.body, media_type="application/octet-stream", headers=headers)
