"""Classifies and explains with a bundle in this very process, without a server."""

from __future__ import annotations

from pathlib import Path

from service.answers import classify_result, explain_result
from service.budget import cpu_budget
from service.contract import GOLDEN_FILE, read_bundle
from service.engine import Engine
from service.errors import InvalidInput
from service.explain import Question, explain_image
from service.golden import Golden, replay_classify, replay_explain
from service.heatmap import Drawing, Scale, draw_heatmap, encode_png
from service.preprocess import ImageLimits, decode_image, preprocess
from service.registry import find_bundles
from service.schemas import ClassifyResult, ExplainResult

LIMITS = ImageLimits()


class LocalModel:
    """A verified bundle, used one picture at a time.

    Invariant: it passed the golden replay when it was opened, like a model that is served.
    """

    def __init__(self, bundles: Path) -> None:
        """Open the first bundle of a folder. Raises ContractError."""
        self.engine = Engine(
            read_bundle(find_bundles(bundles)[0]), provider="auto", threads=cpu_budget().cpus
        )
        self.contract = self.engine.bundle.contract
        self._golden = Golden.load(self.engine.bundle.path(GOLDEN_FILE))
        replay_classify(self.engine, self._golden, LIMITS)

    def classify(self, picture: Path, top_k: int) -> ClassifyResult:
        """Classify a picture file."""
        decoded, pixels = preprocess(read_picture(picture), self.contract.preprocessing, LIMITS)
        logits = self.engine.classify(pixels[None]).logits[0]
        return classify_result(decoded.facts, logits, self.contract, top_k)

    def explain(self, picture: Path, asked: Question, alpha: float) -> tuple[ExplainResult, bytes]:
        """Explain a picture file: the answer, and the heatmap over the picture as PNG."""
        data = read_picture(picture)
        replay_explain(self.engine, self._golden)
        decoded, pixels = preprocess(data, self.contract.preprocessing, LIMITS)
        weights = asked.logit_weights(len(self.contract.labels))
        attribution = self.engine.explain(pixels[None], weights[None, None]).of_image(0)
        explanation = explain_image(attribution, self.contract.architecture, asked)
        result = explain_result(
            decoded.facts, attribution.logits, explanation, asked, self.contract
        )
        original = decode_image(data, LIMITS, self.contract.preprocessing.background)
        drawn = draw_heatmap(
            original.image,
            explanation.scores,
            result.grid.crop_box,
            (original.width, original.height),
            Drawing(alpha=alpha),
            Scale.of(explanation.scores),
        )
        return result, encode_png(drawn, result.model_dump_json(), compressed=True)


def read_picture(path: Path) -> bytes:
    """Read a picture file. Raises InvalidInput."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be read: {error.strerror}; give the path of an image file"
        ) from None
