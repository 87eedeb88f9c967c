"""What is written as a tensor is read as the same, and what does not fit is refused by name."""

from __future__ import annotations

import base64
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from service.errors import InvalidInput
from service.open_inference.tensor import InputTensor, OutputTensor

FLOATS = arrays.arrays(
    np.float32,
    arrays.array_shapes(max_dims=4, max_side=4),
    elements=st.floats(width=32, allow_nan=False),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=12,
)


def tensor(content: object, *shape: int, datatype: str = "FP32") -> InputTensor:
    content = memoryview(content) if isinstance(content, bytes) else content
    return InputTensor("pixels", datatype, shape, content, "/inputs/0")


@settings(deadline=None, max_examples=50)
@given(values=FLOATS)
def test_numbers_come_back_from_bytes(values) -> None:
    written = OutputTensor("x", values).to_binary()
    assert np.array_equal(tensor(written, *values.shape).floats(), values)


@pytest.mark.parametrize("before", range(4))
def test_numbers_that_begin_at_any_byte_are_aligned(before) -> None:
    written = np.arange(6, dtype=np.float32).tobytes()
    within = memoryview(b" " * before + written)[before:]
    floats = InputTensor("pixels", "FP32", (2, 3), within, "/inputs/0").floats()
    assert floats.flags.aligned
    assert floats.tolist() == [[0, 1, 2], [3, 4, 5]]


@settings(deadline=None, max_examples=50)
@given(values=FLOATS, is_nested=st.booleans())
def test_numbers_come_back_from_json_flat_or_nested(values, is_nested) -> None:
    written = values.tolist() if is_nested else OutputTensor("x", values).to_json()
    assert np.array_equal(tensor(written, *values.shape).floats(), values)


@settings(deadline=None, max_examples=50)
@given(texts=st.lists(st.text(max_size=9), min_size=1, max_size=5))
def test_elements_come_back_from_bytes(texts) -> None:
    written = OutputTensor("x", [texts]).to_binary()
    elements = tensor(written, len(texts), datatype="BYTES").elements()
    assert elements == [text.encode() for text in texts]


@settings(deadline=None, max_examples=50)
@given(elements=st.lists(st.binary(max_size=9), min_size=1, max_size=5), is_nested=st.booleans())
def test_elements_come_back_from_base64_flat_or_nested(elements, is_nested) -> None:
    written = [base64.b64encode(element).decode() for element in elements]
    rows = [[text] for text in written] if is_nested else written
    assert tensor(rows, len(elements), 1, datatype="BYTES").elements() == elements


@settings(deadline=None, max_examples=100)
@given(texts=st.lists(st.text(max_size=5), min_size=1, max_size=4), data=st.data())
def test_elements_cut_short_are_refused(texts, data) -> None:
    written = OutputTensor("x", [texts]).to_binary()
    cut = data.draw(st.integers(0, len(written) - 1))
    with pytest.raises(InvalidInput, match="ends within element"):
        tensor(written[:cut], len(texts), datatype="BYTES").elements()


@settings(deadline=None, max_examples=100)
@given(content=st.binary(max_size=40), size=st.integers(0, 5))
def test_any_bytes_are_read_or_refused(content, size) -> None:
    for read in (tensor(content, size).floats, tensor(content, size).elements):
        with suppress(InvalidInput):
            assert len(read()) == size


@settings(deadline=None, max_examples=100)
@given(content=st.lists(JSON, max_size=4), shape=st.lists(st.integers(0, 3), min_size=1))
def test_any_json_is_read_or_refused(content, shape) -> None:
    for read in (tensor(content, *shape).floats, tensor(content, *shape).elements):
        with suppress(InvalidInput):
            assert np.size(read()) == np.prod(shape)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1, 2, 3], "has 3 numbers; its shape [2, 2] takes 4"),
        ([[1, 2], [3]], "not nested as its shape [2, 2] is"),
        ([[1, 2, 3, 4]], "not nested as its shape [2, 2] is"),
        ([1, 2, 3, "4"], "not a list of numbers"),
        ([1, 2, 3, True], "not a list of numbers"),
        ([1, 2, 3, None], "not a list of numbers"),
        ([1, 2, 3, 10**400], "too large for FP32"),
        (b"\0" * 15, "has 15 bytes; its shape [2, 2] takes 16"),
        (b"\0" * 20, "has 20 bytes; its shape [2, 2] takes 16"),
    ],
)
def test_numbers_that_do_not_fit_are_refused_with_what_would(content, words) -> None:
    with pytest.raises(InvalidInput) as refused:
        tensor(content, 2, 2).floats()
    assert words in refused.value.detail


def test_bytes_after_the_last_element_are_refused() -> None:
    with pytest.raises(InvalidInput, match="has 4 bytes left after its 1 elements"):
        tensor(b"\x01\0\0\0a" + b"\0" * 4, 1, datatype="BYTES").elements()
