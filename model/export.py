"""Turns a checkpoint into a bundle, as a whole or not at all.

The graphs share one weights file. The bundle takes its place only after onnxruntime gave the same
numbers as torch, and after the service's own replay accepted it.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError

from model.agreement import compare_trace, compare_with_torch
from model.card import render_card
from model.checkpoint import Checkpoint, load_checkpoint
from model.config import VisionTransformerConfig
from model.explain import Attender, Explainer
from model.golden_pictures import draw_golden_pictures
from model.graphs import CLASSIFY_FILE, graph_specs, write_graph, write_graphs
from model.validation import BY_CLASS
from model.vit import VisionTransformer
from service.architecture import Architecture
from service.bundle import Bundle, file_digest, read_bundle
from service.contract import CONTRACT_FILE, GOLDEN_FILE, Contract, Name, Preprocessing
from service.decoding import ImageLimits
from service.engine import Engine
from service.errors import InvalidInput
from service.explanation.maps import attention_rollout
from service.golden import REPLAYS, Golden, replay_classify, replay_trace
from service.preprocess import preprocess
from service.record import Precision, Provenance

CARD_FILE = "README.md"
PROVENANCE_KEYS = (
    "dataset", "recipe", "command", "seed", "commit", "epochs", "images_seen", "wall_seconds",
    "machine", "taught_by", "metrics", "history", "origin", "tuned_from", "best_epoch",
)  # fmt: skip
ABSOLUTE_PATH = re.compile(r"(?<![\w.])/(?:[^\s/\"',]+/)*([^\s/\"',]+)")


def export_bundle(checkpoint: Checkpoint, bundles: Path, name: str, version: str) -> Path:
    """Write `bundles/name/version` and give its path.

    Raises InvalidInput when a label is missing, the name cannot be one or the version exists
    already; ContractError when onnxruntime's outputs differ from torch's, as `agreement.py` says.
    """
    _check_labels(checkpoint)
    target = check_free(bundles, name, version)
    with (
        _made(target.parent),
        tempfile.TemporaryDirectory(prefix=f".{version}-", dir=target.parent) as temporary,
    ):
        folder = Path(temporary) / version
        folder.mkdir()
        write_graphs(checkpoint.model, folder)
        contract = contract_of(checkpoint, name, version)
        _write_golden(checkpoint.model, contract.preprocessing, folder)
        bundle = seal(folder, contract)
        engine = Engine(bundle, provider="cpu", threads=torch.get_num_threads())
        compare_with_torch(checkpoint.model, engine)
        golden = Golden.load(folder / GOLDEN_FILE)
        replay_classify(engine, golden, ImageLimits())
        for replay in REPLAYS.values():
            replay(engine, golden)
        folder.rename(target)
    return target


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder and those above it; where the block fails, they are as before."""
    added = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for one in added:
            with suppress(OSError):  # somebody else has put something there
                one.rmdir()
        raise


def check_free(bundles: Path, name: str, version: str) -> Path:
    """Give the folder of a bundle that is not there yet.

    Raises InvalidInput when the name cannot be one, or the version exists already.
    """
    _check_names(name, version)
    target = bundles / name / version
    if target.exists():
        raise InvalidInput(f"{target} exists already; choose another version, or remove it first")
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


def reseal(bundle: Bundle, contract: Contract, added: Sequence[Path] = ()) -> Bundle:
    """Replace a bundle's card and contract, keeping its graphs and adding files.

    It is replaced as a whole; a kill amid that leaves the old one beside it, `.VERSION-before`.
    """
    with tempfile.TemporaryDirectory(prefix=".sealing-", dir=bundle.folder.parent) as temporary:
        folder = Path(temporary) / "new"
        shutil.copytree(bundle.folder, folder)
        for file in added:
            shutil.copyfile(file, folder / file.name)
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


def add_trace(folder: Path) -> Bundle:
    """Add the graph of traces to a bundle, or renew it; all else of the bundle stays as it is.

    Raises InvalidInput where the bundle does not tell its model's shape, and ContractError when
    onnxruntime's outputs differ from torch's.
    """
    model, bundle = load_checkpoint(folder).model, read_bundle(folder)
    with tempfile.TemporaryDirectory(prefix=".tracing-", dir=folder.parent) as temporary:
        made = Path(temporary) / "new"
        shutil.copytree(folder, made)
        spec = write_graph(model, "trace", made)
        graphs = bundle.contract.graphs.model_copy(update={"trace": spec})
        contract = bundle.contract.model_copy(update={"graphs": graphs})
        engine = Engine(
            Bundle(made, contract, bundle.digest), provider="cpu", threads=torch.get_num_threads()
        )
        compare_trace(model, engine)
        replay_trace(engine, Golden.load(made / GOLDEN_FILE))
        return reseal(bundle, contract, [made / spec.file])


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
    pictures = torch.from_numpy(pixels)
    everything = torch.arange(config.patches).expand(len(images), -1)
    with torch.inference_mode():
        predicted = torch.zeros(len(images), 1, config.classes)
        logits, relevance, *_ = Explainer(model)(pictures, predicted, predicted[:, :0])
        _, attention, _ = Attender(model)(pictures, everything)
    rollout = [attention_rollout(one.numpy(), architecture) for one in attention]
    Golden(
        images,
        pixels,
        logits.numpy(),
        relevance[:, 0, 0].reshape(-1, *config.grid).numpy(),
        np.stack(rollout),
    ).save(folder / GOLDEN_FILE)


def contract_of(checkpoint: Checkpoint, name: str, version: str) -> Contract:
    config = checkpoint.model.config
    count = sum(parameter.numel() for parameter in checkpoint.model.parameters())
    return Contract.model_construct(
        schema_version=2,
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
    known["history"] = [
        {name: value for name, value in row.items() if not name.startswith(BY_CLASS)}
        for row in known.get("history", ())
    ]
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
        class_token=config.class_token,
        pooling=config.pooling,
        norm_after_pooling=config.norm_after_pooling,
        pre_norm=config.pre_norm,
        parameters=parameters,
    )
