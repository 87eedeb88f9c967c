"""Turns a checkpoint into a bundle, as a whole or not at all.

Both graphs share one weights file. The bundle takes its place only after onnxruntime gave the same
numbers as torch, and after the service's own replay accepted it.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError

from model.card import render_card
from model.checkpoint import Checkpoint
from model.config import VisionTransformerConfig
from model.explain import Explainer
from model.golden_pictures import draw_golden_pictures
from model.graphs import CLASSIFY_FILE, Classifier, graph_specs, write_graphs
from model.vit import VisionTransformer
from service.contract import (
    CONTRACT_FILE,
    GOLDEN_FILE,
    Architecture,
    Bundle,
    Contract,
    Name,
    Precision,
    Preprocessing,
    Provenance,
    file_digest,
    read_bundle,
)
from service.engine import Engine, Floats
from service.errors import ContractError, InvalidInput
from service.explain import attention_relevance
from service.golden import Golden, replay_classify, replay_explain
from service.preprocess import ImageLimits, preprocess

CARD_FILE = "README.md"
AGREEMENT = 1e-4  # torch and onnxruntime may differ by this much, or this share of gradients
RANDOM_IMAGES = 4
PROVENANCE_KEYS = (
    "dataset", "recipe", "command", "seed", "commit", "epochs", "images_seen", "wall_seconds",
    "machine", "history",
)  # fmt: skip
ABSOLUTE_PATH = re.compile(r"(?<![\w.])/(?:[^\s/\"',]+/)*([^\s/\"',]+)")


def export_bundle(checkpoint: Checkpoint, bundles: Path, name: str, version: str) -> Path:
    """Write `bundles/name/version` and give its path.

    Raises InvalidInput when a label is missing, the name cannot be one or the version exists
    already; ContractError when onnxruntime's logits, readout or attention differ from torch's by
    more than 1e-4, or its gradients by more than 1e-4 of the largest where that is above 1.
    """
    _check_labels(checkpoint)
    _check_names(name, version)
    target = bundles / name / version
    if target.exists():
        raise InvalidInput(f"{target} exists already; choose another version, or remove it first")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{version}-", dir=target.parent) as temporary:
        folder = Path(temporary) / version
        folder.mkdir()
        write_graphs(checkpoint.model, folder)
        contract = _contract(checkpoint, name, version)
        _write_golden(checkpoint.model, contract.preprocessing, folder)
        bundle = seal(folder, contract)
        engine = Engine(bundle, provider="cpu", threads=torch.get_num_threads())
        _compare_with_torch(checkpoint.model, engine)
        golden = Golden.load(folder / GOLDEN_FILE)
        replay_classify(engine, golden, ImageLimits())
        replay_explain(engine, golden)
        folder.rename(target)
    return target


def seal(folder: Path, contract: Contract) -> Bundle:
    """Write the card and the contract, with every file's digest, into a bundle's folder."""
    (folder / CARD_FILE).write_text(render_card(contract), encoding="utf-8")
    files = {
        path.name: file_digest(path)
        for path in sorted(folder.iterdir())
        if path.name != CONTRACT_FILE
    }
    sealed = contract.model_copy(update={"files": files})
    (folder / CONTRACT_FILE).write_text(sealed.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return read_bundle(folder)


def reseal(bundle: Bundle, contract: Contract) -> Bundle:
    """Replace a bundle's card and contract, keeping its graphs.

    It is replaced as a whole; a kill amid that leaves the old one beside it, `.VERSION-before`.
    """
    with tempfile.TemporaryDirectory(prefix=".sealing-", dir=bundle.folder.parent) as temporary:
        folder = Path(temporary) / "new"
        shutil.copytree(bundle.folder, folder)
        seal(folder, contract)
        kept = bundle.folder.with_name(f".{bundle.folder.name}-before")
        bundle.folder.rename(kept)
        try:
            folder.rename(bundle.folder)
        except OSError:
            kept.rename(bundle.folder)
            raise
        shutil.rmtree(kept)
    return read_bundle(bundle.folder)


def _check_names(name: str, version: str) -> None:
    for what, value in (("name", name), ("version", version)):
        try:
            TypeAdapter(Name).validate_python(value)
        except ValidationError:
            raise InvalidInput(
                f"{what} {value!r} cannot be one; use up to 64 lower-case letters, digits and ._- "
                "and begin with a letter or digit"
            ) from None


def _check_labels(checkpoint: Checkpoint) -> None:
    classes, labels = checkpoint.model.config.classes, checkpoint.labels
    if len(labels) != classes or not all(label.strip() for label in labels):
        raise InvalidInput(
            f"the model has {classes} classes and {sum(bool(label.strip()) for label in labels)} "
            "labels; every class needs a label in checkpoint.json"
        )


def _write_golden(model: VisionTransformer, preprocessing: Preprocessing, folder: Path) -> None:
    images = draw_golden_pictures()
    pixels = np.stack([preprocess(data, preprocessing, ImageLimits())[1] for data in images])
    config = model.config
    architecture = _architecture(config, parameters=1)
    with torch.inference_mode():
        logits, attention, gradients = (
            output.numpy()
            for output in Explainer(model)(
                torch.from_numpy(pixels),
                torch.zeros(len(images), 1, config.classes),
                torch.ones(len(images), config.patches),
            )
        )
    relevance = np.stack(
        [
            attention_relevance(weights, gradient[0], architecture)
            for weights, gradient in zip(attention, gradients, strict=True)
        ]
    )
    Golden(images, pixels, logits, relevance).save(folder / GOLDEN_FILE)


def _contract(checkpoint: Checkpoint, name: str, version: str) -> Contract:
    config = checkpoint.model.config
    count = sum(parameter.numel() for parameter in checkpoint.model.parameters())
    return Contract.model_construct(
        schema_version=1,
        name=name,
        version=version,
        labels=checkpoint.labels,
        preprocessing=Preprocessing.model_validate(checkpoint.preprocessing),
        architecture=_architecture(config, count),
        graphs=graph_specs(config),
        precisions={"fp32": Precision(file=CLASSIFY_FILE)},
        provenance=_provenance(checkpoint.provenance),
        files={},
    )


def _provenance(recorded: dict[str, Any]) -> Provenance:
    known = {key: recorded[key] for key in PROVENANCE_KEYS if key in recorded}
    known["command"] = ABSOLUTE_PATH.sub(r"\1", known.get("command", ""))
    return Provenance.model_validate(known)


def _architecture(config: VisionTransformerConfig, parameters: int) -> Architecture:
    return Architecture(
        image_size=config.image_size,
        patch_size=config.patch_size,
        grid=config.grid,
        depth=config.depth,
        heads=config.heads,
        width=config.width,
        prefix_tokens=config.prefix_tokens,
        pooling=config.pooling,
        parameters=parameters,
    )


def _compare_with_torch(model: VisionTransformer, engine: Engine) -> None:
    config = model.config
    random = np.random.default_rng(0)
    pixels = random.standard_normal(
        (RANDOM_IMAGES, config.channels, *config.image_size), np.float32
    )
    weights = random.standard_normal((RANDOM_IMAGES, 2, config.classes), np.float32)
    keep = (random.random((RANDOM_IMAGES, config.patches)) < 0.7).astype(np.float32)
    with torch.inference_mode():
        logits, readout = Classifier(model)(torch.from_numpy(pixels))
        explained = Explainer(model)(*map(torch.from_numpy, (pixels, weights, keep)))
    classified = engine.classify(pixels)
    attribution = engine.explain(pixels, weights, keep)
    whole = engine.explain(pixels, weights)
    _agree("logits", classified.logits, logits.numpy())
    _agree("readout", classified.readout, readout.numpy())
    _agree("explained logits", whole.logits, classified.logits)
    for what, found, expected in zip(
        ("explained logits without hidden patches", "attention", "attention gradient"),
        (attribution.logits, attribution.attention, attribution.attention_gradient),
        explained,
        strict=True,
    ):
        largest = max(1.0, float(expected.abs().max())) if what == "attention gradient" else 1.0
        _agree(what, found, expected.numpy(), largest)


def _agree(what: str, found: Floats, expected: Floats, largest: float = 1.0) -> None:
    difference, allowed = float(np.abs(found - expected).max()), AGREEMENT * largest
    if not difference <= allowed:
        raise ContractError(
            f"onnxruntime's {what} differ from torch's by {difference:.3g}, more than "
            f"{allowed:.3g}; the model is not exported"
        )
