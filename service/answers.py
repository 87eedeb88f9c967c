"""Builds what is answered about a picture, the same over HTTP and on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from service.bundle import Bundle
from service.classify import Ranking, probabilities, rankings
from service.contract import Contract
from service.crop import crop_box
from service.decoding import ImageFacts
from service.drawing.options import Drawing
from service.drawing.scale import Scale
from service.engine import Floats
from service.explain_schemas import (
    ExplainedPicture,
    ExplainMapsResult,
    ExplainResult,
    FaithfulnessItem,
    Grid,
    MapItem,
    MethodItem,
    MethodUsed,
    OrderItem,
    ScaleItem,
    TargetItem,
)
from service.explanation.faithfulness import Curve, MapFaithfulness
from service.explanation.inquiry import Explanation, Map
from service.explanation.methods import METHODS
from service.explanation.question import Question
from service.schemas import ClassifyResult, ImageItem, ModelIdentity, PredictionItem

PREDICTIONS_BESIDE_A_MAP = 5


def model_identity(bundle: Bundle) -> ModelIdentity:
    """Name the model that answers."""
    contract = bundle.contract
    return ModelIdentity(name=contract.name, version=contract.version, digest=bundle.digest)


def classify_result(
    image: ImageFacts,
    ranking: Ranking,
    contract: Contract,
    top_k: int,
    embedding: Floats | None = None,
) -> ClassifyResult:
    """Name the most probable classes of a picture; `embedding` [d] is added where given."""
    return ClassifyResult(
        predictions=_predictions(ranking, contract, top_k),
        image=_image(image),
        embedding=None if embedding is None else embedding.tolist(),
    )


def explain_result(
    image: ImageFacts,
    explanation: Explanation,
    asked: Question,
    drawing: Drawing,
    contract: Contract,
) -> ExplainResult | ExplainMapsResult:
    """Describe the maps of a picture: one, or one for each of several targets."""
    maps = [_map(one, explanation.logits, asked, drawing, contract) for one in explanation.maps]
    picture = _explained_picture(image, explanation.logits, asked, contract)
    if len(maps) == 1:
        return ExplainResult(**dict(picture), **dict(maps[0]))
    return ExplainMapsResult(**dict(picture), maps=maps)


def scale_of(one: Map, asked: Question, drawing: Drawing) -> Scale:
    """Give the scale that a map is drawn with and that travels with its scores."""
    return Scale.of(
        one.scores, signed=asked.is_signed, clip=drawing.clip, fixed=drawing.fixed_scale
    )


def _explained_picture(
    image: ImageFacts, logits: Floats, asked: Question, contract: Contract
) -> ExplainedPicture:
    method, grid = asked.definition, contract.architecture.grid
    (ranking,) = rankings(logits[None])
    return ExplainedPicture(
        method=MethodUsed(
            name=method.name,
            class_specific=method.class_specific,
            parameters=asked.parameters(),
        ),
        removal=asked.removal if asked.removes else None,
        grid=Grid(
            rows=grid[0],
            columns=grid[1],
            crop_box=crop_box(image.width, image.height, contract.preprocessing),
        ),
        predictions=_predictions(ranking, contract, PREDICTIONS_BESIDE_A_MAP),
        image=_image(image),
    )


def _map(
    one: Map, logits: Floats, asked: Question, drawing: Drawing, contract: Contract
) -> MapItem:
    scale = scale_of(one, asked, drawing)
    return MapItem(
        target=TargetItem(
            label=contract.labels[one.target],
            index=one.target,
            probability=float(probabilities(logits)[one.target]),
            logit=float(logits[one.target]),
            source="predicted" if asked.targets == (None,) else "requested",
        ),
        scores=one.scores.tolist(),
        scale=ScaleItem(min=scale.min, max=scale.max, signed=scale.is_signed),
        warnings=list(one.warnings),
        completeness_error=one.completeness_error,
        faithfulness=one.faithfulness and _faithfulness(one.faithfulness, asked),
    )


def _faithfulness(measured: MapFaithfulness, asked: Question) -> FaithfulnessItem:
    most, least = measured.most_relevant_first, measured.least_relevant_first
    return FaithfulnessItem(
        removal=asked.removal,
        steps=asked.curve_steps,
        removed=measured.removed.tolist(),
        most_relevant_first=_order([most], measured),
        least_relevant_first=_order([least], measured),
        random=_order(measured.random, measured),
        random_orders=len(measured.random),
        delta=measured.delta,
        insertion=least.area,
        deletion=most.area,
        comprehensiveness=measured.comprehensiveness(most),
        sufficiency=measured.sufficiency(most),
    )


def _order(curves: Sequence[Curve], measured: MapFaithfulness) -> OrderItem:
    """Describe an order, or the mean of several."""
    return OrderItem(
        curve=np.mean([curve.probabilities for curve in curves], axis=0).tolist(),
        area=fmean(curve.area for curve in curves),
        comprehensiveness=fmean(map(measured.comprehensiveness, curves)),
        sufficiency=fmean(map(measured.sufficiency, curves)),
    )


def method_items(contract: Contract) -> list[MethodItem]:
    """Describe the methods, and how faithful each was measured to be for a model."""
    measured = contract.explanations
    where = measured and (
        f"{measured.images:,} pictures of {measured.part}; patches removed by {measured.removal}"
    )
    return [
        MethodItem(
            name=method.name,
            summary=method.summary,
            definition=method.definition,
            source=method.source,
            class_specific=method.class_specific,
            signed=method.is_signed,
            cost=method.cost,
            parameters=["target", *method.parameters],
            is_default=method.name == contract.default_method,
            faithfulness=measured.methods.get(method.name) if measured else None,
            measured_on=where,
        )
        for method in METHODS.values()
    ]


def _image(image: ImageFacts) -> ImageItem:
    return ImageItem(
        format=image.format,
        width=image.width,
        height=image.height,
        orientation_applied=image.orientation_applied,
    )


def _predictions(ranking: Ranking, contract: Contract, top_k: int) -> list[PredictionItem]:
    return [
        PredictionItem(label=contract.labels[index], index=index, probability=probability)
        for index, probability in ranking.top(top_k)
    ]
