"""Requests are read whole or refused with what does not fit."""

from __future__ import annotations

import json
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.bundle import read_contract
from service.contract import Contract
from service.errors import InvalidInput, PayloadTooLarge
from service.open_inference.images import images_of
from service.open_inference.outputs import requested_outputs
from service.open_inference.request import read_request

PIXELS = np.linspace(-1, 1, 2 * 3 * 32 * 32, dtype=np.float32).reshape(2, 3, 32, 32)
INPUT = {
    "name": "pixel_values",
    "datatype": "FP32",
    "shape": [2, 3, 32, 32],
    "parameters": {"binary_data_size": PIXELS.nbytes},
}
HEADER = json.dumps({"id": "seven", "inputs": [INPUT]}).encode()
BODY = HEADER + PIXELS.tobytes()


@pytest.fixture(scope="module")
def contract(tiny_bundle) -> Contract:
    return read_contract(tiny_bundle / "contract.json")


def header(**changes: object) -> bytes:
    return json.dumps({"inputs": [{**INPUT, **changes}]}).encode()


def test_pixel_values_behind_the_header_are_read_without_a_change(contract) -> None:
    request = read_request(BODY, str(len(HEADER)))
    assert request.id == "seven"
    assert np.array_equal(images_of(request, contract, 2), PIXELS)


@settings(deadline=None, max_examples=100)
@given(cut=st.integers(0, len(BODY) - 1))
def test_a_body_cut_short_anywhere_is_refused(cut) -> None:
    with pytest.raises(InvalidInput):
        read_request(BODY[:cut], str(len(HEADER)))


@settings(deadline=None, max_examples=200)
@given(place=st.integers(0, len(HEADER) - 1), byte=st.integers(0, 255))
def test_a_header_with_any_byte_changed_is_read_or_refused(contract, place, byte) -> None:
    changed = bytearray(BODY)
    changed[place] = byte
    with suppress(InvalidInput, PayloadTooLarge):
        request = read_request(bytes(changed), str(len(HEADER)))
        assert requested_outputs(request)
        assert len(images_of(request, contract, 64)) == 2


@pytest.mark.parametrize(
    "length", ["", "-1", "1e3", "12.0", "9" * 5000, str(len(BODY) + 1), "\xb2"]
)
def test_a_header_length_that_is_none_is_refused(length) -> None:
    with pytest.raises(InvalidInput, match="Inference-Header-Content-Length"):
        read_request(BODY, length)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "the body is not JSON"),
        (b"\xff", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        (b'{"id": "\\ud800", "inputs": []}', "the body is not JSON"),
        (b"[]", "the document"),
        (b"{}", "/inputs: Field required"),
        (b'{"inputs": []}', "/inputs: List should have at least 1 item"),
        (header(shape=[2.5]), "/inputs/0/shape/0"),
        (header(shape=[-1]), "/inputs/0/shape/0"),
        (header(shape=[True]), "/inputs/0/shape/0"),
        (header(shape=[]), "/inputs/0/shape"),
        (header(shape=[10**30]), "/inputs/0/shape/0"),
        (header(name=3), "/inputs/0/name"),
        (header(parameters={"binary_data_size": -1}), "/inputs/0/parameters/binary_data_size"),
        (header(parameters={"binary_data_size": 9}), "states a binary_data_size of 9 bytes, but 0"),
        (header(parameters=None), "either data or the parameter binary_data_size"),
        (header(data=[1]), "either data or the parameter binary_data_size"),
    ],
)
def test_a_header_that_cannot_be_read_is_refused_with_the_place(body, words) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_request(body, None)
    assert words in refused.value.detail


def test_bytes_that_no_input_takes_are_refused() -> None:
    with pytest.raises(InvalidInput, match="4 bytes follow the JSON, but binary_data_size sums"):
        read_request(
            b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}]}1234', "66"
        )


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ([{"name": "logit"}], "output 'logit' does not exist; there are logits, probabilities"),
        ([{"name": "logits"}, {"name": "logits"}], "asked for twice"),
        ([{"name": "readout", "parameters": {"classification": 2}}], "has no classification"),
        ([{"name": "logits", "parameters": {"shared_memory_region": "r"}}], "shared memory"),
    ],
)
def test_outputs_that_cannot_be_given_are_refused(outputs, words) -> None:
    body = json.dumps({"inputs": [{**INPUT, "parameters": None, "data": []}], "outputs": outputs})
    with pytest.raises(InvalidInput) as refused:
        requested_outputs(read_request(body.encode(), None))
    assert words in refused.value.detail
