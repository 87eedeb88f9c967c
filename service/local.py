"""Classifies and explains with a bundle in this very process, without a server."""

from __future__ import annotations

from pathlib import Path

from service.answers import classify_result, explain_result
from service.budget import cpu_budget
from service.contract import GOLDEN_FILE, read_bundle
from service.drawing.heatmap import encode_png
from service.drawing.options import Drawing
from service.engine import Engine
from service.errors import InvalidInput
from service.explain_schemas import ExplainMapsResult, ExplainResult
from service.explanation.inquiry import Explanation, Inquiry
from service.explanation.passes import run_passes
from service.explanation.question import Question
from service.figure import Figure, draw_figures
from service.golden import REPLAYS, Golden, replay_classify
from service.preprocess import ImageLimits, preprocess
from service.registry import find_bundles
from service.schemas import ClassifyResult

LIMITS = ImageLimits()
PASSES_TOGETHER = 8


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

    def explain(
        self, picture: Path, asked: Question, drawing: Drawing
    ) -> tuple[ExplainResult | ExplainMapsResult, bytes]:
        """Explain a picture file: the answer, and its maps over the picture as PNG."""
        data = read_picture(picture)
        decoded, pixels = preprocess(data, self.contract.preprocessing, LIMITS)
        explanation = self._answer(Inquiry(pixels, asked, self.contract))
        result = explain_result(decoded.facts, explanation, asked, drawing, self.contract)
        drawn = draw_figures([Figure(data, explanation)], asked, drawing, self.contract, LIMITS)
        return result, encode_png(drawn, result.model_dump_json(), compressed=True)

    def _answer(self, inquiry: Inquiry) -> Explanation:
        for graph in REPLAYS:
            if not self.engine.is_open(graph) and graph in {one.graph for one in inquiry.needed}:
                REPLAYS[graph](self.engine, self._golden)
        while inquiry.answer is None:
            inquiry.take(run_passes(self.engine, inquiry.needed, PASSES_TOGETHER))
        return inquiry.answer


def read_picture(path: Path) -> bytes:
    """Read a picture file. Raises InvalidInput."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be read: {error.strerror}; give the path of an image file"
        ) from None
