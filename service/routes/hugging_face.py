"""`POST /hf/image-classification`: the Hub's task, for `huggingface_hub.InferenceClient`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from service.errors import VitrineError
from service.hugging_face import ClassScore, class_scores, read_task
from service.problems import PICTURE_PROBLEMS, documented
from service.routes.body import read_plain_body
from service.routes.classification import classify_pictures
from service.routes.context import InContext
from service.routes.pictures import BASE64, BINARY
from service.routes.stages import Stopwatch, answering_model
from service.schemas import ModelChoice

router = APIRouter(prefix="/hf", tags=["protocols"])
JSON = "application/json"
TASK_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A picture as raw bytes, or as base64 with parameters.",
        "content": {
            "image/*": {"schema": BINARY},
            "application/octet-stream": {"schema": BINARY},
            JSON: {
                "schema": {
                    "type": "object",
                    "required": ["inputs"],
                    "properties": {
                        "inputs": BASE64,
                        "parameters": {
                            "type": "object",
                            "properties": {
                                "top_k": {"type": "integer", "minimum": 1, "default": 5},
                                "function_to_apply": {"enum": ["softmax", "sigmoid", "none"]},
                            },
                        },
                    },
                }
            },
        },
    }
}


@router.post(
    "/image-classification",
    summary="Classify a picture, as the Hugging Face Hub's task",
    response_model=list[ClassScore],
    responses=documented(PICTURE_PROBLEMS),
    openapi_extra=TASK_BODY,
)
async def image_classification(
    request: Request, context: InContext, choice: Annotated[ModelChoice, Query()]
) -> list[ClassScore]:
    """Give the most probable classes of a picture, 5 where `top_k` says nothing else."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    with answering_model(request, context, "classify", choice.model, choice.version) as model:
        body = await read_plain_body(request, context)
        task = await context.in_thread(lambda: read_task(body, is_json=media_type == JSON))
        (classified,) = await classify_pictures(
            request, context, model, [task.data], Stopwatch.start()
        )
    if isinstance(classified, VitrineError):
        raise classified
    return class_scores(classified.logits, model.contract, task)
