"""Makes a faster model of a bundle by merging tokens: a bundle of its own, measured beside it.

It classifies alone. Explanations belong to the model that it was made of: its contract names that,
and `POST /explain` says so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from model.agreement import compare_graph
from model.checkpoint import load_checkpoint
from model.classifier import Classifier
from model.evaluate import Evaluation, agreement_of, measure
from model.export import check_free, seal
from model.graphs import CLASSIFY_FILE, write_graph, write_weights
from model.labelled import Progress, classify_pictures, labelled_pictures
from model.token_merging import check_merging
from model.vit import VisionTransformer
from service.budget import cpu_budget
from service.bundle import read_bundle
from service.contract import GOLDEN_FILE, Contract
from service.decoding import ImageLimits
from service.engine import Engine
from service.errors import InvalidInput
from service.golden import LOGITS_TOLERANCE, Golden, replay_classify
from service.graphs import Graphs
from service.record import Merging, Precision

LARGEST_LOSS = 0.005  # of top-1
NUDGES = 8
NUDGE = 1e-5  # of a pixel value: more than CPUs of other kinds differ by


class MergingRefused(InvalidInput):
    """The model with merged tokens loses too much."""

    title = "Merging refused"


@dataclass(frozen=True)
class MergedModel:
    """A bundle that was made, and what it and the one that it was made of gave for pictures."""

    folder: Path
    measured: Evaluation | None = None
    without: Evaluation | None = None
    agreement: float | None = None

    def report(self) -> str:
        """Say it in lines for a person."""
        if self.measured is None or self.without is None or self.agreement is None:
            return "not measured: no data was given"
        return "\n".join(
            [
                f"pictures           {self.measured.images:,}",
                f"top-1              {self.measured.top1:.2%} (without {self.without.top1:.2%})",
                f"log loss           {self.measured.log_loss:.4f} "
                f"(without {self.without.log_loss:.4f})",
                f"as without         {self.agreement:.2%}",
            ]
        )


def merge_tokens(
    folder: Path,
    merged: Sequence[int],
    bundles: Path,
    name: str,
    version: str,
    *,
    sources: Sequence[str] = (),
    part: str = "test",
    progress: Progress = lambda done, total: None,
) -> MergedModel:
    """Write `bundles/name/version`, which merges `merged` tokens in each block from the first on.

    Both models are measured on a part of `sources`; without any, nothing is measured. Raises
    InvalidInput when the numbers do not fit the model, the name cannot be one or the version exists
    already; MergingRefused when more than 0.5 points of top-1 are lost; ContractError when
    onnxruntime's outputs differ from torch's; DataError as `evaluate` does.
    """
    model, bundle = load_checkpoint(folder).model, read_bundle(folder)
    check_merging(merged, model.config)
    target = check_free(bundles, name, version)
    pictures = labelled_pictures(bundle, sources, part) if sources else []
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{version}-", dir=target.parent) as temporary:
        made = Path(temporary) / version
        made.mkdir()
        write_weights(model, made)
        write_graph(model, "classify", made, merged)
        _write_golden(model, merged, Golden.load(bundle.path(GOLDEN_FILE)), made)
        contract = _contract(bundle.contract, merged, name, version)
        engine = Engine(seal(made, contract), provider="cpu", threads=cpu_budget().cpus)
        compare_graph(model, engine, "classify", merged=merged)
        replay_classify(engine, Golden.load(made / GOLDEN_FILE), ImageLimits())
        result = MergedModel(target)
        if pictures:
            exact = Engine(bundle, provider="cpu", threads=engine.threads)
            logits = classify_pictures([engine, exact], pictures, part, progress)
            measured, without = (
                measure(found, logits.targets, contract.labels) for found in logits.logits
            )
            measured = replace(measured, broken=logits.broken)
            result = MergedModel(target, measured, without, agreement_of(*logits.logits))
            _check_loss(measured, without, merged)
            seal(made, _with_figures(contract, result, part))
        made.rename(target)
    return result


def _check_loss(measured: Evaluation, without: Evaluation, merged: Sequence[int]) -> None:
    lost = without.top1 - measured.top1
    if lost > LARGEST_LOSS:
        raise MergingRefused(
            f"merging {','.join(map(str, merged))} is refused: on {measured.images:,} pictures "
            f"top-1 falls from {without.top1:.2%} to {measured.top1:.2%}, by {100 * lost:.2f} "
            f"points where {100 * LARGEST_LOSS:.1f} are allowed; merge fewer tokens, or in later "
            "blocks"
        )


def _write_golden(
    model: VisionTransformer, merged: Sequence[int], golden: Golden, folder: Path
) -> None:
    """Expect of the golden pictures what torch gives, where small changes leave it as it is.

    Two pairs of tokens may be alike by nearly the same measure. A CPU that rounds otherwise then
    merges the other one: such a picture cannot prove that a bundle is sound.
    """
    classifier, random = Classifier(model, merged).eval(), np.random.default_rng(0)
    with torch.inference_mode():
        logits = classifier(torch.from_numpy(golden.pixel_values))[0].numpy()
        nudged = [
            golden.pixel_values
            + random.uniform(-NUDGE, NUDGE, golden.pixel_values.shape).astype(np.float32)
            for _ in range(NUDGES)
        ]
        changed = [
            np.abs(classifier(torch.from_numpy(one))[0].numpy() - logits).max(axis=1)
            for one in nudged
        ]
    steady = np.flatnonzero(np.max(changed, axis=0) < LOGITS_TOLERANCE)
    if not len(steady):
        raise MergingRefused(
            "no golden picture has clear pairs of tokens to merge, so none can prove the bundle; "
            "merge fewer tokens, or in fewer blocks"
        )
    Golden(
        tuple(golden.images[index] for index in steady),
        golden.pixel_values[steady],
        logits[steady],
    ).save(folder / GOLDEN_FILE)


def _contract(contract: Contract, merged: Sequence[int], name: str, version: str) -> Contract:
    provenance = contract.provenance.model_copy(update={"metrics": {}})
    return contract.model_copy(
        update={
            "name": name,
            "version": version,
            "graphs": Graphs(classify=contract.graphs.classify),
            "precisions": {"fp32": Precision(file=CLASSIFY_FILE)},
            "provenance": provenance,
            "merging": Merging(tokens=tuple(merged), model=contract.name, version=contract.version),
            "explanations": None,
        }
    )


def _with_figures(contract: Contract, result: MergedModel, part: str) -> Contract:
    measured, without, merging = result.measured, result.without, contract.merging
    assert measured is not None
    assert without is not None
    assert merging is not None
    recorded = Precision(file=CLASSIFY_FILE, top1=measured.top1, images=measured.images)
    figures = {
        "part": part,
        "images": measured.images,
        "top1_without": without.top1,
        "agreement": result.agreement,
    }
    provenance = contract.provenance.model_copy(update={"metrics": {part: measured.metrics()}})
    return contract.model_copy(
        update={
            "precisions": {"fp32": recorded},
            "provenance": provenance,
            "merging": merging.model_copy(update=figures),
        }
    )
