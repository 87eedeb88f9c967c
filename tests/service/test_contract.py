"""`contract.json`: what is wrong is found before anything runs, all of it at once."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest

from service.bundle import read_bundle, read_contract
from service.contract import CONTRACT_FILE, Contract, contract_schema
from service.errors import ContractError


def refused(copy_bundle, change, **options) -> ContractError:
    folder = copy_bundle(change, **options)
    with pytest.raises(ContractError) as refusal:
        read_bundle(folder)
    return refusal.value


def test_the_published_schema_is_a_schema_and_accepts_the_contract(tiny_bundle) -> None:
    schema = contract_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads((tiny_bundle / CONTRACT_FILE).read_text()), schema)


@pytest.mark.parametrize("key", list(Contract.model_fields))
def test_the_published_schema_refuses_what_reading_refuses(tiny_bundle, key) -> None:
    contract = json.loads((tiny_bundle / CONTRACT_FILE).read_text())
    contract[key] = {"unknown": "value"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(contract, contract_schema())


def test_a_contract_reads_back_as_it_was_written(tiny_bundle) -> None:
    contract = read_contract(tiny_bundle / CONTRACT_FILE)
    assert Contract.model_validate_json(contract.model_dump_json()) == contract


def test_the_digest_names_the_very_contract(tiny_bundle, copy_bundle) -> None:
    first = read_bundle(tiny_bundle)
    second = read_bundle(copy_bundle(lambda contract: contract["labels"].reverse()))
    assert first.digest.startswith("sha256:")
    assert first.digest != second.digest


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema_version",), 1),
        (("schema_version",), 3),
        (("name",), "Not A Name"),
        (("version",), "../1"),
        (("labels",), ["cat"]),
        (("preprocessing", "resize"), "stretch"),
        (("preprocessing", "std", 1), 0),
        (("preprocessing", "size", 0), 0),
        (("architecture", "depth"), 0),
        (("architecture", "pooling"), "max"),
        (("graphs", "classify", "inputs", 0, "dtype"), "float16"),
        (("precisions", "fp32", "top1"), 1.5),
        (("provenance", "seed"), "zero"),
        (("files", "golden.npz"), "md5:1"),
    ],
)
def test_a_wrong_value_is_named_by_its_key(copy_bundle, path, value) -> None:
    def change(contract) -> None:
        place = contract
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    error = refused(copy_bundle, change)
    pointer = "/" + "/".join(map(str, path))
    assert any(item.pointer.startswith(pointer) for item in error.errors), error.errors
    assert pointer in error.detail


def test_another_schema_names_the_one_that_is_read_and_the_remedy(copy_bundle) -> None:
    error = refused(copy_bundle, lambda contract: contract.update(schema_version=1))
    assert "reads schema_version 2, not 1; export the run folder of its training" in error.detail


@pytest.mark.parametrize("key", ["name", "labels", "preprocessing", "graphs", "files"])
def test_a_missing_key_is_named(copy_bundle, key) -> None:
    error = refused(copy_bundle, lambda contract: contract.pop(key))
    assert [(item.pointer, item.detail) for item in error.errors] == [(f"/{key}", "Field required")]


def test_every_wrong_key_is_named_at_once(copy_bundle) -> None:
    def change(contract) -> None:
        contract["colour"] = "blue"
        contract["labels"] = "cat"
        contract["architecture"]["heads"] = -1
        del contract["preprocessing"]["mean"]

    error = refused(copy_bundle, change)
    assert {item.pointer for item in error.errors} == {
        "/colour",
        "/labels",
        "/architecture/heads",
        "/preprocessing/mean",
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prefix_tokens": 0}, "prefix_tokens is 0, but class_token is True"),
        ({"class_token": False, "prefix_tokens": 0}, "pooling 'class_token' reads a class token"),
        (
            {"pooling": "class_and_distillation_token"},
            "prefix_tokens is 1, .* 'class_and_distillation_token', which make it at least 2",
        ),
        ({"norm_after_pooling": True}, "norm_after_pooling is True, but pooling is 'class_token'"),
        ({"pooling": "class_token_and_mean"}, "classify does not fit .*: readout"),
        ({"pooling": "mean", "norm_after_pooling": True}, "trace does not fit .*: norm, pooled"),
    ],
)
def test_a_shape_that_no_model_or_not_this_one_has_is_refused(copy_bundle, changes, words) -> None:
    error = refused(copy_bundle, lambda contract: contract["architecture"].update(changes))
    assert re.search(words, error.detail), error.detail


def test_a_bundle_from_before_there_were_other_shapes_reads_as_it_was(copy_bundle) -> None:
    def change(contract) -> None:
        for added in ("class_token", "norm_after_pooling", "pre_norm"):
            del contract["architecture"][added]

    shape = read_bundle(copy_bundle(change)).contract.architecture
    assert (shape.class_token, shape.norm_after_pooling, shape.pre_norm) == (True, False, False)
    assert (shape.registers, shape.readout_width) == (0, shape.width)


def test_parts_that_disagree_are_named_at_once(copy_bundle) -> None:
    def change(contract) -> None:
        contract["labels"] = ["cat", "cat", "dog", "ship"]
        contract["preprocessing"]["crop"] = [16, 16]
        contract["precisions"]["int8"] = {"file": "small.onnx"}
        contract["files"]["../secret"] = contract["files"]["golden.npz"]
        contract["architecture"]["heads"] = 3

    detail = refused(copy_bundle, change).detail
    for words in (
        "labels are not unique: cat",
        "preprocessing.crop (16, 16) is not architecture.image_size (32, 32)",
        "files has no digest of small.onnx",
        "files must be plain names, not ../secret",
        "graphs.classify does not fit labels and architecture: logits",
        "graphs.explain does not fit labels and architecture: layer_weights, logit_weights, logits",
        "graphs.attend does not fit labels and architecture: attention, logits",
        "graphs.trace does not fit labels and architecture: attention, context, key, layer_logits",
    ):
        assert words in detail


def test_merging_beside_graphs_of_the_model_without_is_refused(copy_bundle) -> None:
    merging = {"tokens": [4], "model": "large", "version": "1"}
    error = refused(copy_bundle, lambda contract: contract.update(merging=merging))
    assert "merging is stated beside graphs of the model without: explain, attend, trace" in (
        error.detail
    )


def test_a_missing_tensor_is_named(copy_bundle) -> None:
    error = refused(copy_bundle, lambda contract: contract["graphs"]["classify"]["outputs"].pop(1))
    assert "graphs.classify does not fit labels and architecture: readout" in error.detail


def test_a_trace_whose_feed_forward_disagrees_with_itself_is_refused(copy_bundle) -> None:
    def narrow(contract) -> None:
        for tensor in contract["graphs"]["trace"]["outputs"]:
            if tensor["name"] == "activation":
                tensor["shape"][-1] -= 1

    detail = refused(copy_bundle, narrow).detail
    assert "graphs.trace does not fit labels and architecture: activation" in detail


def test_the_weights_that_a_trace_shows_must_have_a_digest(copy_bundle) -> None:
    error = refused(copy_bundle, lambda contract: contract["files"].pop("weights.safetensors"))
    assert "files has no digest of weights.safetensors" in error.detail


def test_a_crop_larger_than_the_size_is_refused(copy_bundle) -> None:
    error = refused(copy_bundle, lambda contract: contract["preprocessing"].update(size=[16, 16]))
    assert "crop (32, 32) is larger than size (16, 16)" in error.detail


def test_a_grid_that_does_not_tile_the_image_is_refused(copy_bundle) -> None:
    error = refused(copy_bundle, lambda contract: contract["architecture"].update(grid=[4, 5]))
    assert "grid (4, 5)" in error.detail
    assert "which is (4, 4)" in error.detail


def test_every_file_with_a_false_digest_or_none_is_named_at_once(copy_bundle, tiny_bundle) -> None:
    folder = copy_bundle()
    (folder / "golden.npz").unlink()
    with (folder / "weights.safetensors").open("ab") as weights:
        weights.write(b"x")
    with pytest.raises(ContractError) as refusal:
        read_bundle(folder)
    told = {item.pointer: item.detail for item in refusal.value.errors}
    assert told.keys() == {"/files/golden.npz", "/files/weights.safetensors"}
    assert "missing; export the bundle again" in told["/files/golden.npz"]
    assert "expected sha256:" in told["/files/weights.safetensors"]


@pytest.mark.parametrize(
    "file",
    ["classify.onnx", "explain.onnx", "attend.onnx", "trace.onnx", "golden.npz", "README.md"],
)
def test_each_files_digest_is_checked(copy_bundle, file) -> None:
    folder = copy_bundle()
    content = bytearray((folder / file).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / file).write_bytes(content)
    with pytest.raises(ContractError, match=f"/files/{file}: expected sha256:"):
        read_bundle(folder)


def test_a_folder_without_a_contract_is_no_bundle(tmp_path) -> None:
    with pytest.raises(ContractError, match=r"is not a bundle.*vitrine-model export"):
        read_bundle(tmp_path)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe", b'"text"'])
def test_what_is_no_contract_at_all_is_refused(tmp_path, text) -> None:
    (tmp_path / CONTRACT_FILE).write_bytes(text)
    with pytest.raises(ContractError, match="is not a valid contract"):
        read_bundle(tmp_path)


def test_a_file_that_the_contract_does_not_list_is_refused(copy_bundle) -> None:
    folder = copy_bundle()
    (folder / "stowaway.bin").write_bytes(b"?")
    with pytest.raises(ContractError, match=r"/files/stowaway\.bin: .* without a digest"):
        read_bundle(folder)


def test_the_golden_pictures_must_be_listed(copy_bundle) -> None:
    folder = copy_bundle(lambda contract: contract["files"].pop("golden.npz"))
    with pytest.raises(ContractError, match=r"files has no digest of golden\.npz"):
        read_bundle(folder)
