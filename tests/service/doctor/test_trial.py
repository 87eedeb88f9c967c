"""What the doctor says of bundles, with real ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from service.bundle_folder import find_bundles
from service.doctor.check import Check
from service.doctor.folder import folder
from service.doctor.trial import Trial
from service.settings import Settings


def tried(bundles: Path, **settings: object) -> dict[str, Check]:
    """Try bundles in this process; give what was found, the last of each topic."""
    trial = Trial(Settings(bundles=bundles, threads=1, **settings))
    found = [*trial.bundles(find_bundles(bundles)), *trial.explanations()]
    return {check.topic: check for check in found}


def test_a_map_that_is_not_the_golden_one_is_an_error(copy_bundle, tiny_bundle, tmp_path) -> None:
    with np.load(tiny_bundle / "golden.npz") as arrays:
        changed = {name: arrays[name] for name in arrays.files}
    changed["rollout"] = changed["rollout"] + 1
    np.savez_compressed(tmp_path / "golden.npz", **changed)
    bundle = copy_bundle(files={"golden.npz": (tmp_path / "golden.npz").read_bytes()})
    found = tried(bundle.parents[1])
    assert found["bundle"].status == "ok"
    assert found["explanations"].status == "error"
    assert "golden rollout are off by" in found["explanations"].found


def test_a_bundle_without_graphs_of_explanations_is_a_warning(copy_bundle) -> None:
    bundle = copy_bundle(
        lambda contract: [contract["graphs"].pop(graph) for graph in ("explain", "attend")]
    )
    found = tried(bundle.parents[1])["explanations"]
    assert found.status == "warning"
    assert "vitrine-model export" in found.remedy


def test_a_bundle_without_a_graph_of_traces_is_a_warning(copy_bundle) -> None:
    bundle = copy_bundle(lambda contract: contract["graphs"].pop("trace"))
    found = tried(bundle.parents[1])["explanations"]
    assert found.status == "warning"
    assert "vitrine-model add-trace tiny/1" in found.remedy


def test_a_default_model_that_is_not_there_is_an_error(tiny_bundles) -> None:
    found = tried(tiny_bundles, default_model="large")["models"]
    assert found.status == "error"
    assert "'large' is not served" in found.found
    assert found.remedy == "there are tiny"


def test_one_version_in_two_folders_is_an_error(copy_bundle) -> None:
    copy_bundle(version="1")
    second = copy_bundle(lambda contract: contract.update(version="1"), version="2")
    found = tried(second.parents[1])["models"]
    assert found.status == "error"
    assert "are both tiny version 1" in found.found


def test_models_are_named_with_the_one_that_answers(copy_bundle) -> None:
    copy_bundle(name="a")
    bundle = copy_bundle(name="b")
    found = tried(bundle.parents[1], default_model="b")["models"]
    assert found.facts == {"models": ["a 1", "b 1"], "default": "b"}


def test_every_precision_is_told_with_its_accuracy(copy_bundle) -> None:
    measured = {"file": "classify.onnx", "top1": 0.8397, "images": 10000}
    bundle = copy_bundle(lambda contract: contract["precisions"].update(fp32=measured))
    found = tried(bundle.parents[1])["precision"]
    assert "fp32 (83.97% top-1 of 10,000 images)" in found.found
    assert found.facts["offered"]["fp32"]["top1"] == 0.8397


def test_a_file_that_cannot_be_opened_as_one_is_an_error(copy_bundle) -> None:
    bundle = copy_bundle()
    (bundle / "contract.json").write_text(json.dumps({"schema_version": 1}))
    found = tried(bundle.parents[1])["bundle"]
    assert found.status == "error"
    assert "schema_version 2, not 1" in found.found


@pytest.mark.parametrize(
    ("place", "words"), [("tiny", "set --bundles to"), ("none", "is no folder")]
)
def test_the_wrong_folder_is_an_error_that_names_the_right_one(tiny_bundles, place, words) -> None:
    (found,) = folder(tiny_bundles / place)
    assert found.status == "error"
    assert words in f"{found.found}; {found.remedy}"


def test_a_single_bundle_is_a_folder_of_one(tiny_bundle) -> None:
    (found,) = folder(tiny_bundle)
    assert found.facts["bundles"] == 1
