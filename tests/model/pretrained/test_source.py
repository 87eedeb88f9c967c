"""Where a public model's files are."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch
from safetensors.torch import save_file

from model.pretrained.source import find_source
from service.bundle import file_digest
from service.errors import InvalidInput

TENSORS = {"a": torch.ones(2)}
CARD = """---
license: apache-2.0
tags:
- vision
datasets:
- imagenet-1k
- imagenet-21k
---

# A model
license: none of this
"""


def filled(folder, *names):
    for name in names:
        save_file(TENSORS, folder / name)
    (folder / "config.json").write_text('{"model_type": "vit"}')
    return folder


def test_a_folder_has_weights_and_what_describes_them(tmp_path):
    filled(tmp_path, "model.safetensors", "pytorch_model.bin")
    (tmp_path / "preprocessor_config.json").write_text('{"size": 32}')
    (tmp_path / "README.md").write_text(CARD)
    source = find_source(str(tmp_path))
    assert source.name == tmp_path.name
    assert source.weights == (tmp_path / "model.safetensors",)
    assert (source.config, source.processor) == ({"model_type": "vit"}, {"size": 32})
    assert (source.licence, source.datasets) == ("apache-2.0", "imagenet-1k, imagenet-21k")
    assert source.digest == file_digest(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("header", "licence", "datasets"),
    [
        ("license: 'mit'\ndatasets: [a, b]", "mit", "a, b"),
        ("license: other\nlicense_name: its-own", "other", ""),
        ("tags: none", "", ""),
    ],
)
def test_a_card_tells_licence_and_data_in_every_form(header, licence, datasets, tmp_path):
    filled(tmp_path, "model.safetensors")
    (tmp_path / "README.md").write_text(f"---\n{header}\n---\n")
    source = find_source(str(tmp_path))
    assert (source.licence, source.datasets) == (licence, datasets)


def test_a_card_without_a_header_tells_nothing(tmp_path):
    filled(tmp_path, "model.safetensors")
    (tmp_path / "README.md").write_text("# A model\nlicense: none of this")
    assert find_source(str(tmp_path)).licence == ""


def test_a_file_is_read_with_what_lies_beside_it(tmp_path):
    filled(tmp_path, "some.safetensors", "other.safetensors")
    source = find_source(str(tmp_path / "some.safetensors"))
    assert source.weights == (tmp_path / "some.safetensors",)
    assert source.name == "some.safetensors"
    assert source.config == {"model_type": "vit"}


def test_a_single_file_of_another_name_is_taken(tmp_path):
    filled(tmp_path, "deit_tiny.safetensors")
    assert find_source(str(tmp_path)).weights_names == "deit_tiny.safetensors"


def test_of_several_files_one_must_be_named(tmp_path):
    filled(tmp_path, "one.safetensors", "two.pth")
    with pytest.raises(InvalidInput, match=r"several files of weights: one\.safetensors, two\.pth"):
        find_source(str(tmp_path))


def test_an_index_names_the_parts_of_a_large_model(tmp_path):
    parts = ("model-1.safetensors", "model-2.safetensors")
    filled(tmp_path, *parts)
    mapping = {"weight_map": {"a": parts[1], "b": parts[0], "c": parts[1]}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(mapping))
    source = find_source(str(tmp_path))
    assert source.weights == tuple(tmp_path / part for part in parts)
    digests = "\n".join(file_digest(tmp_path / part) for part in parts)
    assert source.digest == "sha256:" + hashlib.sha256(digests.encode()).hexdigest()


@pytest.mark.parametrize("part", ["../outside.safetensors", "/etc/passwd", "missing.safetensors"])
def test_an_index_that_names_files_elsewhere_is_refused(part, tmp_path):
    folder = filled(tmp_path / "model" if (tmp_path / "model").mkdir() is None else tmp_path)
    save_file(TENSORS, tmp_path / "outside.safetensors")
    mapping = {"weight_map": {"a": part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(mapping))
    with pytest.raises(InvalidInput, match=f"names files that are not beside it: {part}"):
        find_source(str(folder))


def test_a_folder_without_weights_says_what_it_holds(tmp_path):
    filled(tmp_path)
    with pytest.raises(InvalidInput, match=r"holds no weights, it holds config\.json; it needs"):
        find_source(str(tmp_path))


@pytest.mark.parametrize("content", ["{", "[1]", "[" * 100_000, "\ufeff{}"])
def test_a_broken_config_is_named(content, tmp_path):
    filled(tmp_path, "model.safetensors")
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(InvalidInput, match=r"config\.json is"):
        find_source(str(tmp_path))


def test_what_is_not_there_says_what_may_be_given(tmp_path):
    with pytest.raises(InvalidInput, match=r"is not there; give a folder with config\.json"):
        find_source(str(tmp_path / "none"))
