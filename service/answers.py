"""Builds what is answered about a picture, the same over HTTP and on the command line."""

from __future__ import annotations

from collections.abc import Sequence

from service.classify import Prediction, probabilities, top_predictions
from service.contract import Bundle, Contract
from service.engine import Floats
from service.explain import METHODS, Explanation, Question
from service.heatmap import Scale
from service.preprocess import ImageFacts, crop_box
from service.schemas import (
    ClassifyResult,
    ExplainResult,
    Grid,
    ImageItem,
    MethodUsed,
    ModelIdentity,
    PredictionItem,
    ScaleItem,
    TargetItem,
)

PREDICTIONS_BESIDE_A_MAP = 5


def model_identity(bundle: Bundle) -> ModelIdentity:
    """Name the model that answers."""
    contract = bundle.contract
    return ModelIdentity(name=contract.name, version=contract.version, digest=bundle.digest)


def classify_result(
    image: ImageFacts,
    logits: Floats,
    contract: Contract,
    top_k: int,
    embedding: Floats | None = None,
) -> ClassifyResult:
    """Name the classes of a picture from its logits [C]; `embedding` [d] is added where given."""
    return ClassifyResult(
        predictions=_predictions(top_predictions(logits, contract.labels, top_k)),
        image=_image(image),
        embedding=None if embedding is None else embedding.tolist(),
    )


def explain_result(
    image: ImageFacts,
    logits: Floats,
    explanation: Explanation,
    asked: Question,
    contract: Contract,
) -> ExplainResult:
    """Describe the map of a picture."""
    method = METHODS[asked.method]
    architecture, labels = contract.architecture, contract.labels
    scale = Scale.of(explanation.scores)
    return ExplainResult(
        target=TargetItem(
            label=labels[explanation.target],
            index=explanation.target,
            probability=float(probabilities(logits)[explanation.target]),
            logit=float(logits[explanation.target]),
            source="predicted" if asked.target is None else "requested",
        ),
        method=MethodUsed(
            name=method.name,
            class_specific=method.class_specific,
            parameters={
                name: value
                for name in method.parameters
                if (value := getattr(asked, name)) is not None
            },
        ),
        grid=Grid(
            rows=architecture.grid[0],
            columns=architecture.grid[1],
            crop_box=crop_box(image.width, image.height, contract.preprocessing),
        ),
        scores=explanation.scores.tolist(),
        scale=ScaleItem(min=scale.min, max=scale.max),
        predictions=_predictions(top_predictions(logits, labels, PREDICTIONS_BESIDE_A_MAP)),
        image=_image(image),
        warnings=list(explanation.warnings),
    )


def _image(image: ImageFacts) -> ImageItem:
    return ImageItem(
        format=image.format,
        width=image.width,
        height=image.height,
        orientation_applied=image.orientation_applied,
    )


def _predictions(predictions: Sequence[Prediction]) -> list[PredictionItem]:
    return [
        PredictionItem(label=item.label, index=item.index, probability=item.probability)
        for item in predictions
    ]
