"""Adds a classify graph in fewer bits to a bundle, only when it answers as fp32 does."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.evaluate import Evaluation, agreement_of, measure
from model.export import reseal
from model.labelled import Progress, classify_pictures, labelled_pictures
from model.quantized_graph import WRITERS
from model.sources import DataError, Picture
from service.bundle import Bundle, read_bundle
from service.contract import GOLDEN_FILE, Contract
from service.decoding import ImageLimits
from service.engine import Engine
from service.errors import InvalidInput
from service.golden import Golden, replay_classify
from service.record import Precision, PrecisionName

IMAGES_AT_LEAST = 10_000
LARGEST_LOSS = 0.003  # of top-1
LEAST_AGREEMENT = 0.99


class QuantizationRefused(InvalidInput):
    """The graph in fewer bits answers too differently from fp32."""

    title = "Quantization refused"


@dataclass(frozen=True)
class Comparison:
    """What a graph in fewer bits gave for the same labelled pictures as fp32."""

    measured: Evaluation
    exact: Evaluation
    agreement: float
    logit_difference: float

    @property
    def problems(self) -> list[str]:
        """Say in what it falls short."""
        lost = self.exact.top1 - self.measured.top1
        problems = []
        if lost > LARGEST_LOSS:
            problems.append(
                f"top-1 falls from {self.exact.top1:.2%} to {self.measured.top1:.2%}, by "
                f"{100 * lost:.2f} points where {100 * LARGEST_LOSS:.1f} are allowed"
            )
        if self.agreement < LEAST_AGREEMENT:
            problems.append(
                f"it agrees with fp32 on {self.agreement:.2%} of the pictures where "
                f"{LEAST_AGREEMENT:.0%} are required"
            )
        return problems

    def report(self) -> str:
        """Say it in lines for a person."""
        return "\n".join(
            [
                f"pictures           {self.measured.images:,}",
                f"top-1              {self.measured.top1:.2%} (fp32 {self.exact.top1:.2%})",
                f"calibration error  {self.measured.calibration_error:.2%} "
                f"(fp32 {self.exact.calibration_error:.2%})",
                f"as fp32            {self.agreement:.2%}",
                f"logits off by      {self.logit_difference:.3f} at most",
            ]
        )


def quantize(
    folder: Path,
    sources: Sequence[str],
    *,
    precision: PrecisionName = "int8",
    part: str = "test",
    images_at_least: int = IMAGES_AT_LEAST,
    keep_float: Sequence[str] = (),
    progress: Progress = lambda done, total: None,
) -> Comparison:
    """Add the classify graph in `precision` to a bundle, with what was measured of it.

    The weights whose names contain one of `keep_float` stay fp32. The bundle changes as a whole or
    not at all. Raises QuantizationRefused, with the figures, when too much is lost; DataError when
    there are fewer than `images_at_least` pictures.
    """
    bundle = read_bundle(folder)
    pictures = labelled_pictures(bundle, sources, part)
    _check_count(len(pictures), part, images_at_least)
    graph = bundle.path(bundle.contract.graphs.classify.file)
    with tempfile.TemporaryDirectory(prefix=".quantizing-", dir=folder.parent) as temporary:
        made = Path(temporary) / f"{graph.stem}.{precision}.onnx"
        WRITERS[precision](graph, made, keep_float)
        compared = _compare_graphs(bundle, made, precision, pictures, part, progress)
        _check_count(compared.measured.images, part, images_at_least)
        if compared.problems:
            raise QuantizationRefused(
                f"{precision} is not added to {folder}: on {compared.measured.images:,} pictures "
                f"{' and '.join(compared.problems)}; leave some weights in fp32, as with "
                "--keep-float mlp.fc2"
            )
        recorded = _record(made.name, compared)
        reseal(bundle, _with_precision(bundle.contract, precision, recorded), [made])
    return compared


def _compare_graphs(
    bundle: Bundle,
    made: Path,
    precision: PrecisionName,
    pictures: Sequence[Picture],
    part: str,
    progress: Progress,
) -> Comparison:
    contract = _with_precision(bundle.contract, precision, Precision(file=made.name))
    candidate = Bundle(made.parent, contract, bundle.digest)
    engines = [
        Engine(bundle, provider="cpu", threads=1),
        Engine(candidate, provider="cpu", threads=1, precision=precision),
    ]
    golden = Golden.load(bundle.path(GOLDEN_FILE))
    replay_classify(engines[0], golden, ImageLimits())
    drawn = engines[1].classify(golden.pixel_values).logits
    classified = classify_pictures(engines, pictures, part, progress)
    exact, rounded = classified.logits
    return Comparison(
        measured=measure(rounded, classified.targets, contract.labels),
        exact=measure(exact, classified.targets, contract.labels),
        agreement=agreement_of(rounded, exact),
        logit_difference=max(
            float(np.abs(drawn - golden.logits).max()), float(np.abs(rounded - exact).max())
        ),
    )


def _record(file: str, compared: Comparison) -> Precision:
    return Precision(
        file=file,
        top1=compared.measured.top1,
        images=compared.measured.images,
        agreement=compared.agreement,
        logit_difference=round(compared.logit_difference, 4),
    )


def _with_precision(contract: Contract, name: PrecisionName, precision: Precision) -> Contract:
    return contract.model_copy(update={"precisions": {**contract.precisions, name: precision}})


def _check_count(count: int, part: str, images_at_least: int) -> None:
    if count < images_at_least:
        raise DataError(
            f"{part} has {count:,} whole pictures, and {images_at_least:,} are needed to judge the "
            f"loss; give more, or accept fewer with --images-at-least {count}"
        )
