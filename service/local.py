"""Classifies and explains with a bundle in this very process, without a server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from service.answers import classify_result, explain_result
from service.budget import cpu_budget
from service.bundle import read_bundle
from service.bundle_folder import find_bundles
from service.classify import rankings
from service.contract import GOLDEN_FILE
from service.decoding import ImageLimits
from service.drawing.heatmap import encode_png
from service.drawing.options import Drawing
from service.engine import Arrays, Engine
from service.errors import InvalidInput
from service.explain_schemas import ExplainMapsResult, ExplainResult
from service.explanation.inquiry import Inquiry, answer
from service.explanation.passes import Pass, run_passes
from service.explanation.question import Question
from service.figure import Figure, draw_figures
from service.golden import REPLAYS, Golden, replay_classify
from service.graphs import GraphName
from service.preprocess import preprocess
from service.schemas import ClassifyResult

LIMITS = ImageLimits()
PASSES_TOGETHER = 8


class LocalModel:
    """A verified bundle, used one picture at a time.

    Invariant: each of its graphs passes the golden replay before it answers, as in a server.
    """

    def __init__(self, bundles: Path) -> None:
        """Open the first bundle of a folder. Raises ContractError."""
        self.engine = Engine(
            read_bundle(find_bundles(bundles)[0]), provider="auto", threads=cpu_budget().cpus
        )
        self.contract = self.engine.bundle.contract
        self._golden = Golden.load(self.engine.bundle.path(GOLDEN_FILE))
        self._verified: set[GraphName] = set()
        replay_classify(self.engine, self._golden, LIMITS)

    def classify(self, picture: Path, top_k: int) -> ClassifyResult:
        """Classify a picture file."""
        decoded, pixels = preprocess(read_picture(picture), self.contract.preprocessing, LIMITS)
        (ranking,) = rankings(self.engine.classify(pixels[None]).logits)
        return classify_result(decoded.facts, ranking, self.contract, top_k)

    def explain(
        self, picture: Path, asked: Question, drawing: Drawing
    ) -> tuple[ExplainResult | ExplainMapsResult, bytes]:
        """Explain a picture file: the answer, and its maps over the picture as PNG."""
        data = read_picture(picture)
        decoded, pixels = preprocess(data, self.contract.preprocessing, LIMITS)
        explanation = answer(Inquiry(pixels, asked, self.contract), self._run)
        result = explain_result(decoded.facts, explanation, asked, drawing, self.contract)
        drawn = draw_figures([Figure(data, explanation)], asked, drawing, self.contract, LIMITS)
        return result, encode_png(drawn, result.model_dump_json(), compressed=True)

    def _run(self, passes: Sequence[Pass]) -> list[Arrays]:
        for graph in {one.graph for one in passes} - self._verified:
            REPLAYS[graph](self.engine, self._golden)
            self._verified.add(graph)
        return run_passes(self.engine, passes, PASSES_TOGETHER)


def read_picture(path: Path) -> bytes:
    """Read a picture file. Raises InvalidInput."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be read: {error.strerror}; give the path of an image file"
        ) from None
