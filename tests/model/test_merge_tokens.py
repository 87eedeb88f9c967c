"""A bundle with merged tokens: sound, measured, honest about explanations, or not there."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from model.checkpoint import load_checkpoint
from model.classifier import Classifier
from model.cli import main
from model.merge_tokens import MergingRefused, merge_tokens
from model.quantize import quantize
from service.bundle import read_bundle
from service.decoding import ImageLimits
from service.engine import Engine
from service.errors import InvalidInput, NotExplainable, NotTraceable
from service.golden import Golden, replay_classify
from tests.exported import exported_once
from tests.near_ties import write_torn
from tests.untraced import untraced_exporter

MERGED = (2,)


@pytest.fixture(scope="module")
def made(tiny_bundle: Path, sure_pictures: Path, tmp_path_factory) -> Path:
    """A bundle of the tiny model that merges two tokens, measured."""
    bundles = exported_once(
        tmp_path_factory,
        "merged",
        lambda folder: merge_tokens(
            tiny_bundle, MERGED, folder, "merged", "1", sources=[str(sure_pictures)]
        ),
    )
    return bundles / "merged" / "1"


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    """A copy of it to write into."""
    return Path(shutil.copytree(made, tmp_path / "copy" / "merged" / "1"))


def test_it_classifies_alone_with_the_weights_of_the_first(made, tiny_bundle) -> None:
    contract, first = read_bundle(made).contract, read_bundle(tiny_bundle).contract
    assert list(contract.graphs.named) == ["classify"]
    assert contract.graphs.classify == first.graphs.classify
    assert contract.files["weights.safetensors"] == first.files["weights.safetensors"]
    assert (contract.name, contract.version, contract.labels) == ("merged", "1", first.labels)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_its_graph_gives_the_torch_modules_logits_for_any_batch(made, tiny_bundle, count) -> None:
    classifier = Classifier(load_checkpoint(tiny_bundle).model, MERGED)
    pixels = np.random.default_rng(count).standard_normal((count, 3, 32, 32), np.float32)
    found = Engine(read_bundle(made), threads=1).classify(pixels)
    with torch.inference_mode():
        logits, readout = classifier(torch.from_numpy(pixels))
    np.testing.assert_allclose(found.logits, logits, rtol=0, atol=1e-4)
    np.testing.assert_allclose(found.readout, readout, rtol=0, atol=1e-4)


def test_what_was_measured_is_in_the_contract_and_the_card(made) -> None:
    contract = read_bundle(made).contract
    merging = contract.merging
    assert (merging.tokens, merging.model, merging.version) == (MERGED, "tiny", "1")
    assert (merging.part, merging.images, merging.top1_without) == ("test", 40, 1)
    assert merging.agreement == contract.precisions["fp32"].top1
    assert contract.provenance.metrics["test"]["images"] == 40
    card = (made / "README.md").read_text()
    assert "It is tiny 1 with fewer tokens on the way" in card
    assert "On the same 40 pictures of the test part" in card


def test_its_golden_pictures_are_steady_and_hold(made) -> None:
    golden = Golden.load(made / "golden.npz")
    assert len(golden.images)
    assert golden.relevance is None
    replay_classify(Engine(read_bundle(made), threads=1), golden, ImageLimits())


def test_explanations_and_traces_name_the_model_to_ask(made) -> None:
    engine = Engine(read_bundle(made), threads=1)
    assert not engine.is_explainable
    assert not engine.is_traceable
    told = r"model merged 1 merges patches .* ask model tiny, version 1, .* same for \d+\.\d% of"
    with pytest.raises(NotExplainable, match=told):
        engine.run("explain", {}, ())
    with pytest.raises(NotTraceable, match=told):
        engine.run("trace", {}, ())


def test_it_is_no_checkpoint_to_export_or_merge_again(made, tmp_path) -> None:
    with pytest.raises(InvalidInput, match=r"merges tokens; give the bundle .*, tiny 1"):
        load_checkpoint(made)
    with pytest.raises(InvalidInput, match="merges tokens"):
        merge_tokens(made, MERGED, tmp_path, "again", "1")


def test_it_takes_fewer_bits_as_any_bundle_does(bundle, sure_pictures) -> None:
    compared = quantize(bundle, [str(sure_pictures)], images_at_least=40)
    assert compared.agreement >= 0.99
    contract = read_bundle(bundle).contract
    assert list(contract.precisions) == ["fp32", "int8"]
    assert contract.merging.tokens == MERGED


def test_too_large_a_loss_is_refused_with_the_figures_and_leaves_nothing(
    tiny_bundle, tmp_path
) -> None:
    torn = write_torn(tiny_bundle, tmp_path / "torn", 30)
    with untraced_exporter(), pytest.raises(MergingRefused) as refused:
        merge_tokens(tiny_bundle, (8,), tmp_path / "b", "merged", "1", sources=[str(torn)])
    assert "merging 8 is refused: on 30 pictures top-1 falls from 100.00% to" in (
        refused.value.detail
    )
    assert "points where 0.5 are allowed; merge fewer" in refused.value.detail
    assert list((tmp_path / "b" / "merged").iterdir()) == []


def test_what_cannot_be_is_refused_before_any_work(tiny_bundle, tmp_path) -> None:
    with pytest.raises(InvalidInput, match="block 0 cannot merge 9 of 16"):
        merge_tokens(tiny_bundle, (9,), tmp_path, "merged", "1")
    with pytest.raises(InvalidInput, match="name 'No' cannot be one"):
        merge_tokens(tiny_bundle, MERGED, tmp_path, "No", "1")
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_that_nothing_was_measured_without_data(
    tiny_bundle, tmp_path, capsys
) -> None:
    with untraced_exporter():
        main(
            f"merge-tokens {tiny_bundle} --tokens 2 --name merged --version 3 -o {tmp_path}".split()
        )
    assert "not measured: no data was given" in capsys.readouterr().out
    contract = read_bundle(tmp_path / "merged" / "3").contract
    assert contract.merging.agreement is None
    assert contract.precisions["fp32"].top1 is None
    assert contract.provenance.metrics == {}
