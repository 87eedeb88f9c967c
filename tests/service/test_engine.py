"""onnxruntime's sessions: what they refuse to open and to answer."""

from __future__ import annotations

import numpy as np
import pytest

from service.contract import read_bundle
from service.engine import Engine
from service.errors import ContractError, InferenceFailed, NotExplainable, ProviderError


@pytest.fixture(scope="module")
def engine(tiny_bundle) -> Engine:
    return Engine(read_bundle(tiny_bundle), provider="auto", threads=1)


def pixels(count: int = 1) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, 3, 32, 32), np.float32)


def test_cuda_is_refused_where_there_is_none(tiny_bundle) -> None:
    with pytest.raises(ProviderError, match=r"provider cuda .*; .* the extra gpu"):
        Engine(read_bundle(tiny_bundle), provider="cuda", threads=1)


def test_the_provider_in_use_is_told(engine: Engine) -> None:
    assert engine.provider == "CPUExecutionProvider"
    assert not engine.is_fallback


def test_numbers_that_are_not_finite_are_a_failure(engine: Engine) -> None:
    with pytest.raises(InferenceFailed, match="not finite"):
        engine.classify(np.full((1, 3, 32, 32), np.nan, np.float32))


def test_an_input_of_another_shape_is_a_failure(engine: Engine) -> None:
    with pytest.raises(InferenceFailed, match="the engine failed"):
        engine.classify(np.zeros((1, 3, 8, 8), np.float32))


def test_the_batch_size_is_free(engine: Engine) -> None:
    whole = engine.classify(pixels(5))
    assert whole.logits.shape == (5, 3)
    assert whole.readout.shape == (5, 24)
    single = engine.classify(pixels(5)[2:3])
    np.testing.assert_allclose(single.logits[0], whole.logits[2], atol=1e-4)


def test_both_graphs_give_the_same_logits(engine: Engine) -> None:
    explained = engine.explain(pixels(2), np.zeros((2, 1, 3), np.float32))
    np.testing.assert_allclose(explained.logits, engine.classify(pixels(2)).logits, atol=1e-4)


def test_attention_rows_sum_to_one(engine: Engine) -> None:
    attention = engine.explain(pixels(), np.zeros((1, 1, 3), np.float32)).attention
    assert attention.shape == (1, 2, 2, 17, 17)
    np.testing.assert_allclose(attention.sum(axis=-1), 1, atol=1e-5)


def test_no_weights_stand_for_the_predicted_class(engine: Engine) -> None:
    predicted = engine.classify(pixels()).logits.argmax()
    asked = np.zeros((1, 2, 3), np.float32)
    asked[0, 1, predicted] = 1
    gradient = engine.explain(pixels(), asked).attention_gradient[0]
    np.testing.assert_allclose(gradient[0], gradient[1], atol=1e-5)


def test_a_hidden_patch_is_attended_by_none(engine: Engine) -> None:
    keep = np.ones((1, 16), np.float32)
    keep[0, 5] = 0
    attention = engine.explain(pixels(), np.zeros((1, 1, 3), np.float32), keep).attention
    assert attention[..., 1 + 5].max() == 0


def test_a_bundle_without_an_explain_graph_cannot_explain(copy_bundle) -> None:
    folder = copy_bundle(lambda contract: contract["graphs"].pop("explain"))
    engine = Engine(read_bundle(folder), threads=1)
    assert not engine.is_explainable
    with pytest.raises(NotExplainable, match="model tiny has no explain graph; export"):
        engine.explain(pixels(), np.zeros((1, 1, 3), np.float32))


def test_a_graph_of_another_shape_than_the_contracts_is_refused(copy_bundle) -> None:
    def widen(contract) -> None:
        contract["architecture"]["width"] = 25
        contract["graphs"]["classify"]["outputs"][1]["shape"] = ["batch", 25]

    with pytest.raises(
        ContractError, match=r"outputs/readout: the contract says \['batch', 25\], the graph .*24"
    ):
        Engine(read_bundle(copy_bundle(widen)), threads=1)


def test_a_fixed_batch_where_the_contract_leaves_it_free_is_refused(copy_bundle) -> None:
    def fix(contract) -> None:
        contract["graphs"]["classify"]["inputs"][0]["shape"] = ["batch", 3, "rows", 32]

    with pytest.raises(ContractError, match="pixel_values"):
        Engine(read_bundle(copy_bundle(fix)), threads=1)


def test_a_graph_under_the_name_of_another_is_refused(copy_bundle, tiny_bundle) -> None:
    explain = (tiny_bundle / "explain.onnx").read_bytes()
    folder = copy_bundle(files={"classify.onnx": explain})
    with pytest.raises(ContractError, match="readout: not among"):
        Engine(read_bundle(folder), threads=1)


def test_what_is_no_graph_is_refused(copy_bundle) -> None:
    folder = copy_bundle(files={"classify.onnx": b"no graph"})
    with pytest.raises(ContractError, match=r"classify\.onnx cannot be opened.*export"):
        Engine(read_bundle(folder), threads=1)
