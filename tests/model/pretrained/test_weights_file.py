"""Weights that nobody vouches for."""

from __future__ import annotations

import argparse
import json
import pickle
import struct

import pytest
import torch
from safetensors.torch import save, save_file

from model.pretrained.weights_file import read_weights
from service.errors import InvalidInput

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2)}


class Burglar:
    """Pickled, it touches a file when it is read by one who runs pickles."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def same(read, expected=TENSORS):
    assert set(read.tensors) == set(expected)
    for name, tensor in expected.items():
        torch.testing.assert_close(read.tensors[name], tensor)


def test_safetensors_are_read(tmp_path):
    save_file(TENSORS, tmp_path / "w.safetensors")
    same(read_weights([tmp_path / "w.safetensors"]))


def test_several_files_are_one_model(tmp_path):
    save_file({"a.weight": TENSORS["a.weight"]}, tmp_path / "1.safetensors")
    save_file({"a.bias": TENSORS["a.bias"]}, tmp_path / "2.safetensors")
    same(read_weights([tmp_path / "1.safetensors", tmp_path / "2.safetensors"]))


@pytest.mark.parametrize("suffix", [".bin", ".pth", ".pt"])
@pytest.mark.parametrize("is_zip", [True, False])
def test_pickles_of_tensors_are_read(suffix, is_zip, tmp_path):
    file = tmp_path / f"w{suffix}"
    torch.save(TENSORS, file, _use_new_zipfile_serialization=is_zip)
    same(read_weights([file]))


@pytest.mark.parametrize("nest", ["model", "state_dict", "state_dict_ema", "model_ema", "module"])
def test_the_state_dict_may_lie_under_a_key(nest, tmp_path):
    torch.save({nest: TENSORS, "epoch": 3, "lr": 0.1}, tmp_path / "w.pth")
    read = read_weights([tmp_path / "w.pth"])
    same(read)
    assert read.nest == nest


def test_the_average_is_preferred_to_the_last_weights_as_in_timm(tmp_path):
    old = {name: tensor + 1 for name, tensor in TENSORS.items()}
    torch.save({"state_dict": old, "state_dict_ema": TENSORS}, tmp_path / "w.pth")
    same(read_weights([tmp_path / "w.pth"]))


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "timm_model."])
def test_prefixes_of_wrappers_are_taken_off(prefix, tmp_path):
    torch.save({prefix + name: tensor for name, tensor in TENSORS.items()}, tmp_path / "w.pth")
    same(read_weights([tmp_path / "w.pth"]))


@pytest.mark.parametrize("number_format", [torch.float16, torch.bfloat16, torch.float64])
def test_other_number_formats_become_float32(number_format, tmp_path):
    save_file(
        {name: one.to(number_format) for name, one in TENSORS.items()}, tmp_path / "w.safetensors"
    )
    read = read_weights([tmp_path / "w.safetensors"])
    same(read)
    assert read.number_formats == (str(number_format).removeprefix("torch."),)


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(is_zip, tmp_path):
    touched = tmp_path / "touched"
    payload = {**TENSORS, "a": Burglar(touched)}
    torch.save(payload, tmp_path / "w.pth", _use_new_zipfile_serialization=is_zip)
    with pytest.raises(InvalidInput, match=r"would call \w*\.?open, so it was not run"):
        read_weights([tmp_path / "w.pth"])
    assert not touched.exists()


def test_a_bare_pickle_that_would_run_code_is_refused_and_runs_nothing(tmp_path):
    touched = tmp_path / "touched"
    (tmp_path / "w.bin").write_bytes(pickle.dumps(Burglar(touched)))
    with pytest.raises(InvalidInput):
        read_weights([tmp_path / "w.bin"])
    assert not touched.exists()


def test_a_pickle_with_the_arguments_of_a_training_is_refused_by_their_name(tmp_path):
    torch.save({"model": TENSORS, "args": argparse.Namespace(lr=1)}, tmp_path / "w.pth")
    with pytest.raises(InvalidInput, match=r"would call argparse\.Namespace"):
        read_weights([tmp_path / "w.pth"])


def broken_safetensors():
    whole = save(TENSORS)
    header = json.dumps({"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}).encode()
    return {
        "truncated in its data": whole[:-4],
        "truncated in its header": whole[:20],
        "of three bytes": b"abc",
        "empty": b"",
        "with a header longer than the file": struct.pack("<Q", 10**6) + whole[8:],
        "with a header of exabytes": struct.pack("<Q", 2**63) + whole[8:],
        "whose header is not JSON": struct.pack("<Q", 8) + b"{not js}" + whole[-32:],
        "whose header is not text": struct.pack("<Q", 8) + b"\xff" * 8,
        "with offsets beyond its end": struct.pack("<Q", len(header)) + header + bytes(8),
        "that is a web page": b"<!DOCTYPE html><html>sign in</html>",
    }


@pytest.mark.parametrize("kind", broken_safetensors())
def test_a_broken_safetensors_file_is_refused(kind, tmp_path):
    (tmp_path / "w.safetensors").write_bytes(broken_safetensors()[kind])
    with pytest.raises(InvalidInput, match=r"w\.safetensors is not a whole safetensors file"):
        read_weights([tmp_path / "w.safetensors"])


@pytest.mark.parametrize("content", [b"", b"not a pickle", b"PK\x03\x04 no zip", b"\x80\x02}q\x00"])
def test_a_broken_pickle_is_refused(content, tmp_path):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"w\.pth (is not a whole file|holds)"):
        read_weights([tmp_path / "w.pth"])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (torch.ones(3), "holds a Tensor, not a dict of tensors"),
        ({}, "holds nothing"),
        ({"epoch": 3, "note": "x"}, "holds other things than tensors: epoch, note"),
    ],
)
def test_a_pickle_of_other_things_is_refused(content, told, tmp_path):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(InvalidInput, match=told):
        read_weights([tmp_path / "w.pth"])


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "w.npz").write_bytes(b"PK")
    with pytest.raises(InvalidInput, match=r"w\.npz is none of \.safetensors, \.bin"):
        read_weights([tmp_path / "w.npz"])


def test_values_that_are_no_numbers_are_all_named(tmp_path):
    tensors = {**TENSORS, "b": torch.tensor([1.0, float("nan")]), "c": torch.tensor([1, 2])}
    save_file(tensors, tmp_path / "w.safetensors")
    with pytest.raises(InvalidInput, match=r"c holds int64; b holds values that are not finite"):
        read_weights([tmp_path / "w.safetensors"])
