"""The command `vitrine-model pretrained`, end to end."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import BitImageProcessorPil

from model.checkpoint import load_checkpoint
from model.cli import main
from model.pretrained.conversion import bundle_name
from service.bundle import read_bundle
from service.local import LocalModel
from tests.model.pretrained.photographs import drawn_pictures
from tests.model.pretrained.saved import BACKBONES, KINDS, saved
from tests.model.pretrained.test_weights_file import Burglar
from tests.untraced import untraced_exporter

CARD = "---\nlicense: cc-by-nc-4.0\ndatasets:\n- imagenet-1k\n---\n# tiny\n"


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """A DINOv2 with registers and its processor, saved by transformers, and made a bundle."""
    folder = tmp_path_factory.mktemp("public") / "Tiny DINO"
    theirs = saved(KINDS["DINOv2 with registers"], folder)
    processor = BitImageProcessorPil(
        size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32}
    )
    processor.save_pretrained(folder)
    (folder / "README.md").write_text(CARD)
    bundles = tmp_path_factory.mktemp("bundles")
    with untraced_exporter():
        main(["pretrained", str(folder), "-o", str(bundles), "--image-size", "40"])
    return theirs, processor, bundles


def test_a_picture_is_classified_as_by_the_library_from_bytes_to_probabilities(converted, tmp_path):
    theirs, processor, bundles = converted
    processor.size, processor.crop_size = {"shortest_edge": 45}, {"height": 40, "width": 40}
    served = LocalModel(bundles)
    for data in (drawn_pictures()[index] for index in (1, 2, 5, 6)):  # at most 8 times as large
        (tmp_path / "picture.png").write_bytes(data)
        pixels = processor(Image.open(io.BytesIO(data)), return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            expected = theirs(pixels).logits.softmax(-1)[0].numpy()
        found = served.classify(tmp_path / "picture.png", 5)
        by_label = {one.label: one.probability for one in found.predictions}
        ordered = [by_label[label] for label in theirs.config.id2label.values()]
        np.testing.assert_allclose(ordered, expected, atol=1e-4)


def test_the_bundle_tells_where_it_comes_from(converted):
    contract = read_bundle(converted[2] / "tiny-dino" / "1").contract
    origin = contract.provenance.origin
    assert origin is not None
    assert (origin.source, origin.weights) == ("Tiny DINO", "model.safetensors")
    assert origin.digest.startswith("sha256:")
    assert (origin.licence, contract.provenance.dataset) == ("cc-by-nc-4.0", "imagenet-1k")
    card = (converted[2] / "tiny-dino" / "1" / "README.md").read_text()
    assert "| Made from | Tiny DINO (Dinov2WithRegistersForImageClassification) |" in card
    assert f"| Weights | model.safetensors, {origin.digest} |" in card
    assert "| Licence | cc-by-nc-4.0 |" in card


def test_the_bundle_can_be_exported_again(converted):
    checkpoint = load_checkpoint(converted[2] / "tiny-dino" / "1")
    assert checkpoint.model.config.image_size == (40, 40)
    assert checkpoint.provenance["origin"]["licence"] == "cc-by-nc-4.0"


def test_what_was_read_is_shown_before_anything_is_written(tmp_path, monkeypatch, capsys):
    saved(KINDS["ViT"], tmp_path / "tiny")
    config = json.loads((tmp_path / "tiny" / "config.json").read_text())
    config["id2label"] = {"0": "crane", "1": "crane", "2": "", "3": "d", "4": "e"}
    (tmp_path / "tiny" / "config.json").write_text(json.dumps(config))
    labels = tmp_path / "labels.txt"
    labels.write_text("crane\ncrane\ncat\ndog\neel\n")
    with pytest.raises(SystemExit):
        main(["pretrained", str(tmp_path / "tiny"), "-o", str(tmp_path / "out")])
    assert "config.json has no label for class 2" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr("model.export.write_graphs", stop)
    flags = ["--labels", str(labels), "--mean", "0.1,0.2,0.3", "-o", str(tmp_path / "out")]
    with pytest.raises(SystemExit):
        main(["pretrained", str(tmp_path / "tiny"), *flags])
    shown = capsys.readouterr().out
    assert "transformers, ViTForImageClassification" in shown
    assert "patches of 8, width 24, 2 blocks, 0 registers, reads class_token" in shown
    assert "0.1, 0.2, 0.3  (--mean)" in shown
    assert f"5: crane (0), crane (1), cat, dog, ...  ({labels})" in shown
    assert "warning: several classes share a label" in shown
    assert not (tmp_path / "out").exists()


def stop(*_):
    """End before the graphs are written, which takes long."""
    from service.errors import ContractError

    raise ContractError("stopped")


def refused(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["pretrained", *arguments])
    assert ended.value.code == 65
    return capsys.readouterr().err


def test_a_backbone_is_refused_with_the_hint_to_train_a_head(tmp_path, capsys):
    saved(BACKBONES["ViT"], tmp_path / "vit")
    told = refused([str(tmp_path / "vit"), "-o", str(tmp_path / "out")], capsys)
    assert "vit has no head of classes" in told
    assert "vitrine-model train --init SOURCE" in told
    assert not (tmp_path / "out").exists()


def test_a_pickle_that_would_run_code_is_refused_and_nothing_is_left(tmp_path, capsys):
    torch.save({"a": Burglar(tmp_path / "touched")}, tmp_path / "model.pth")
    told = refused([str(tmp_path / "model.pth"), "-o", str(tmp_path / "out")], capsys)
    assert "so it was not run" in told
    assert not (tmp_path / "touched").exists()
    assert not (tmp_path / "out").exists()


def test_weights_of_something_else_are_refused_and_nothing_is_left(tmp_path, capsys):
    save_file({"weight": torch.ones(3)}, tmp_path / "w.safetensors")
    told = refused([str(tmp_path / "w.safetensors"), "-o", str(tmp_path / "out")], capsys)
    assert "holds 1 tensors (weight), and no config.json beside it tells what they are" in told
    assert not (tmp_path / "out").exists()


def test_weights_of_transformers_need_their_config(tmp_path, capsys):
    saved(KINDS["ViT"], tmp_path)
    (tmp_path / "config.json").unlink()
    told = refused([str(tmp_path), "-o", str(tmp_path / "out")], capsys)
    assert "was saved by transformers; put its config.json beside it" in told


def test_a_version_that_exists_is_refused_before_anything_is_read(tmp_path, capsys):
    (tmp_path / "out" / "tiny" / "1").mkdir(parents=True)
    told = refused(["nowhere", "--name", "tiny", "-o", str(tmp_path / "out")], capsys)
    assert "exists already" in told


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("google/vit-base-patch16-224", "vit-base-patch16-224"),
        ("timm/vit_tiny_patch16_224.augreg_in21k@main", "vit_tiny_patch16_224.augreg_in21k"),
        ("downloads/DeiT Tiny.pth", "deit-tiny"),
        ("models/tiny/", "tiny"),
        ("///", "model"),
        ("x" * 100, "x" * 64),
    ],
)
def test_a_name_is_made_of_the_sources(source, name):
    assert bundle_name(source) == name
