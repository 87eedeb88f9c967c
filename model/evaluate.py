"""Measures a bundle on labelled pictures, through the service's own preprocessing and engine.

What is reported is what is served: the same decoding, resizing, graph and number format.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.export import reseal
from model.faithfulness import FaithfulnessStudy, Plan, unfinished
from model.faithfulness_table import summarize
from model.labelled import Progress, classify_pictures, labelled_pictures
from model.sources import DataError
from service.budget import cpu_budget
from service.bundle import Bundle, read_bundle
from service.classify import probabilities
from service.engine import Engine, Floats
from service.record import Explanations, Precision, PrecisionName

CALIBRATION_BINS = 15
TOP_5 = 5


@dataclass(frozen=True)
class Evaluation:
    """What was measured on `images` labelled pictures; `broken` ones were left out.

    `confusion` [C, C] counts pictures: row the true class, column the predicted one.
    `calibration_error` is the expected calibration error over 15 equal bins of confidence (Guo et
    al., ICML 2017); `log_loss` is the mean of -log p of the true class, in nats. `agreement` is the
    share of pictures for which fp32 predicts the same class, where another precision was measured.
    """

    labels: tuple[str, ...]
    images: int
    broken: int
    top1: float
    top5: float
    log_loss: float
    calibration_error: float
    confusion: NDArray[np.int64]
    agreement: float | None = None

    @property
    def per_class(self) -> dict[str, float]:
        """Share of each class's pictures that were recognised."""
        totals = self.confusion.sum(axis=1).clip(min=1)
        return dict(zip(self.labels, (self.confusion.diagonal() / totals).tolist(), strict=True))

    def report(self) -> str:
        """Say it in lines for a person."""
        lines = [
            f"pictures           {self.images:,} ({self.broken:,} broken ones left out)",
            f"top-1              {self.top1:.2%}",
            f"top-5              {self.top5:.2%}",
            f"log loss           {self.log_loss:.4f}",
            f"calibration error  {self.calibration_error:.2%}",
            *([] if self.agreement is None else [f"as fp32            {self.agreement:.2%}"]),
            "recognised of each class:",
            *(f"  {share:7.2%}  {label}" for label, share in self.per_class.items()),
            "confusion (row: true, column: predicted):",
            *("  " + " ".join(f"{count:6d}" for count in row) for row in self.confusion.tolist()),
        ]
        return "\n".join(lines)

    def metrics(self) -> dict[str, Any]:
        """Give plain values for the contract."""
        return {
            "images": self.images,
            "broken": self.broken,
            "top1": round(self.top1, 4),
            "top5": round(self.top5, 4),
            "log_loss": round(self.log_loss, 4),
            "calibration_error": round(self.calibration_error, 4),
            "per_class": {label: round(share, 4) for label, share in self.per_class.items()},
            "confusion": self.confusion.tolist(),
        }


def measure(logits: Floats, targets: NDArray[np.int64], labels: tuple[str, ...]) -> Evaluation:
    """Compare logits [n, C] with class numbers [n]."""
    shares = probabilities(logits)
    order = np.argsort(-shares, axis=1, kind="stable")
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(confusion, (targets, order[:, 0]), 1)
    of_target = shares[np.arange(len(targets)), targets]
    return Evaluation(
        labels=labels,
        images=len(targets),
        broken=0,
        top1=float((order[:, 0] == targets).mean()),
        top5=float((order[:, :TOP_5] == targets[:, None]).any(axis=1).mean()),
        log_loss=float(-np.log(of_target.clip(min=np.finfo(np.float32).tiny)).mean()),
        calibration_error=calibration_error(shares, targets),
        confusion=confusion,
    )


def calibration_error(shares: Floats, targets: NDArray[np.int64]) -> float:
    """Give the expected calibration error of probabilities [n, C]."""
    confidence = shares.max(axis=1)
    correct = shares.argmax(axis=1) == targets
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [
        abs(float(correct[bins == index].mean()) - float(confidence[bins == index].mean()))
        * float((bins == index).mean())
        for index in range(CALIBRATION_BINS)
        if (bins == index).any()
    ]
    return sum(gaps)


def evaluate(
    folder: Path,
    sources: Sequence[str],
    *,
    part: str = "test",
    precision: PrecisionName = "fp32",
    progress: Progress = lambda done, total: None,
    workers: int = 0,
) -> Evaluation:
    """Measure a bundle on one part of labelled pictures: `test`, `validation` or `train`.

    `workers` batches are decoded and run side by side, each on one core; 0 takes all
    cores. In another precision than fp32, fp32 is run beside it for the agreement. Raises DataError
    when the part is empty or its classes are not the bundle's, ContractError when there is no graph
    in that precision.
    """
    bundle = read_bundle(folder)
    pictures = labelled_pictures(bundle, sources, part)
    names: list[PrecisionName] = [precision] if precision == "fp32" else [precision, "fp32"]
    engines = [Engine(bundle, threads=1, precision=name) for name in names]
    classified = classify_pictures(engines, pictures, part, progress, workers)
    measured = measure(classified.logits[0], classified.targets, bundle.contract.labels)
    agreement = agreement_of(*classified.logits) if len(engines) > 1 else None
    return replace(measured, broken=classified.broken, agreement=agreement)


def agreement_of(logits: Floats, expected: Floats) -> float:
    """Give the share of pictures whose most probable class is the same."""
    return float((logits.argmax(axis=1) == expected.argmax(axis=1)).mean())


def record(folder: Path, evaluation: Evaluation, part: str) -> Bundle:
    """Write what was measured into a bundle's contract and card."""
    bundle = read_bundle(folder)
    contract = bundle.contract
    metrics = {**contract.provenance.metrics, part: evaluation.metrics()}
    fp32 = Precision(
        file=contract.graphs.classify.file, top1=evaluation.top1, images=evaluation.images
    )
    return reseal(
        bundle,
        contract.model_copy(
            update={
                "provenance": contract.provenance.model_copy(update={"metrics": metrics}),
                "precisions": {**contract.precisions, "fp32": fp32},
            }
        ),
    )


def evaluate_explanations(
    folder: Path,
    sources: Sequence[str],
    plan: Plan,
    *,
    progress: Progress = lambda done, total: None,
    workers: int = 0,
) -> Explanations:
    """Measure how faithful every method is, on images of one part of labelled pictures.

    `workers` images are measured side by side, each on one core; 0 takes all cores.
    A measurement that was interrupted goes on: what is measured stays in a hidden file beside the
    bundle until `record_explanations`. Raises DataError as `evaluate` does, and NotExplainable.
    """
    bundle = read_bundle(folder)
    pictures = labelled_pictures(bundle, sources, plan.part)
    rows = FaithfulnessStudy(bundle, plan, pictures, workers or cpu_budget().cpus).rows(progress)
    if not rows:
        raise DataError(f"every picture of {plan.part} is broken; give others")
    return summarize(rows, plan)


def record_explanations(folder: Path, measured: Explanations) -> Bundle:
    """Write the table into a bundle's contract and card; the default method follows from it."""
    bundle = read_bundle(folder)
    sealed = reseal(bundle, bundle.contract.model_copy(update={"explanations": measured}))
    for progress in unfinished(folder):
        progress.unlink()
    return sealed
