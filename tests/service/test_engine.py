"""onnxruntime's sessions: what they refuse to open and to answer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import service.engine as engine_module
import service.sessions as sessions_module
from service.batch_sizes import BatchSizes
from service.bundle import read_bundle
from service.engine import Engine, failures
from service.errors import (
    ContractError,
    InferenceFailed,
    NotExplainable,
    NotTraceable,
    ProviderError,
)
from service.registry import warm_up


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


@pytest.mark.parametrize(("bad_row", "failed"), [(None, []), (1, [1]), (3, [])])
def test_of_a_batch_only_the_image_fails_whose_numbers_are_not_finite(bad_row, failed) -> None:
    """The fourth row fills the batch up, and is nobody's."""
    outputs = {"logits": np.zeros((4, 3), np.float32), "readout": np.zeros((4, 8), np.float32)}
    if bad_row is not None:
        outputs["readout"][bad_row, 5] = np.inf
    found = failures(outputs, 3)
    assert len(found) == 3
    assert [row for row, failure in enumerate(found) if failure] == failed
    assert all("readout" in str(failure) for failure in found if failure)


def test_an_input_of_another_shape_is_a_failure(engine: Engine) -> None:
    with pytest.raises(InferenceFailed, match="the engine failed"):
        engine.classify(np.zeros((1, 3, 8, 8), np.float32))


def test_the_batch_size_is_free(engine: Engine) -> None:
    whole = engine.classify(pixels(5))
    assert whole.logits.shape == (5, 3)
    assert whole.readout.shape == (5, 24)
    single = engine.classify(pixels(5)[2:3])
    np.testing.assert_allclose(single.logits[0], whole.logits[2], atol=1e-4)


@pytest.mark.parametrize("threads", [1, 2])
def test_all_threads_together_plan_the_memory_of_a_lone_image(tiny_bundle, threads: int) -> None:
    engine = Engine(read_bundle(tiny_bundle), threads=threads)
    assert engine.options.enable_mem_pattern == (threads == 2)
    first, others = pixels(5)[:1], pixels(5)[1:]
    for _ in range(2):  # the first run makes the plan that the second one follows
        for images in (first, others):
            logits = engine.classify(images).logits
            expected = [engine.classify(image[None], 1).logits[0] for image in images]
            np.testing.assert_allclose(logits, expected, atol=1e-4)


def explained(engine: Engine, *outputs: str, weights: np.ndarray, count: int = 1) -> dict:
    inputs = {"pixel_values": pixels(count), "logit_weights": weights, "layer_weights": weights}
    return engine.run("explain", inputs, outputs)


def attended(engine: Engine, *outputs: str, keep: np.ndarray) -> dict:
    return engine.run("attend", {"pixel_values": pixels(len(keep)), "keep": keep}, outputs)


def test_all_graphs_give_the_same_logits(engine: Engine) -> None:
    classified = engine.classify(pixels(2)).logits
    none = np.zeros((2, 1, 3), np.float32)
    walked = explained(engine, "logits", weights=none, count=2)["logits"]
    everything = np.arange(16)[None].repeat(2, axis=0)
    np.testing.assert_allclose(walked, classified, atol=1e-4)
    np.testing.assert_allclose(
        attended(engine, "logits", keep=everything)["logits"], classified, atol=1e-4
    )


def test_attention_rows_sum_to_one(engine: Engine) -> None:
    attention = attended(engine, "attention", keep=np.arange(16)[None])["attention"]
    assert attention.shape == (1, 2, 2, 17, 17)
    np.testing.assert_allclose(attention.sum(axis=-1), 1, atol=1e-5)


def test_the_outputs_that_are_asked_for_are_given_alone(engine: Engine) -> None:
    found = attended(engine, "token_norms", "logits", keep=np.arange(16)[None])
    assert list(found) == ["token_norms", "logits"]


@pytest.mark.parametrize("output", ["relevance", "class_activation", "layer_evidence"])
def test_no_weights_stand_for_the_predicted_class(engine: Engine, output: str) -> None:
    predicted = engine.classify(pixels()).logits.argmax()
    asked = np.zeros((1, 2, 3), np.float32)
    asked[0, 1, predicted] = 1
    found = explained(engine, output, weights=asked)[output][0]
    assert found[0].max() > 0
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


def test_a_patch_that_is_not_kept_is_attended_by_none(engine: Engine) -> None:
    keep = np.delete(np.arange(16), 5)[None]
    found = attended(engine, "attention", "token_norms", keep=keep)
    assert found["attention"].shape == (1, 2, 2, 16, 16)
    assert found["token_norms"].shape == (1, 15)
    np.testing.assert_allclose(found["attention"].sum(axis=-1), 1, atol=1e-5)


def test_the_order_in_which_patches_are_kept_does_not_count(engine: Engine) -> None:
    forward, backward = (
        attended(engine, "logits", keep=keep[None])["logits"]
        for keep in (np.arange(3, 12), np.arange(3, 12)[::-1].copy())
    )
    np.testing.assert_allclose(forward, backward, atol=1e-5)


def test_a_patch_that_does_not_exist_is_a_failure(engine: Engine) -> None:
    with pytest.raises(InferenceFailed, match="the engine failed"):
        attended(engine, "logits", keep=np.array([[16]]))


def copies_used(engine: Engine, threads: int, monkeypatch) -> list[object]:
    """Classify twice on each of so many threads, all at once; give the sessions that ran."""
    used, run = [], engine_module._run
    all_there = threading.Barrier(threads, timeout=20)

    def note(session, *arguments):
        used.append((threading.get_ident(), session))
        return run(session, *arguments)

    def classify_twice(_):
        for _ in range(2):
            all_there.wait()
            engine.classify(pixels(), threads=1)

    monkeypatch.setattr(engine_module, "_run", note)
    with ThreadPoolExecutor(threads) as executor:
        list(executor.map(classify_twice, range(threads)))
    assert len(used) == 2 * threads
    of_thread = dict(used)
    assert all(of_thread[thread] is session for thread, session in used)  # each keeps its own
    return list(of_thread.values())


def test_each_thread_that_computes_alone_has_a_session_of_its_own(tiny_bundle, monkeypatch) -> None:
    engine = Engine(read_bundle(tiny_bundle), threads=2)
    assert engine.copies == 2
    first, second = copies_used(engine, 2, monkeypatch)
    assert first is not second


def test_a_large_model_has_one_session_for_all_threads(tiny_bundle, monkeypatch) -> None:
    engine = Engine(read_bundle(tiny_bundle), threads=2)
    parameters = 2 * engine.bundle.contract.architecture.parameters
    monkeypatch.setattr(engine_module, "SHARED_PARAMETERS", parameters)
    assert engine.copies == 1
    first, second = copies_used(engine, 2, monkeypatch)
    assert first is second


def test_a_warm_model_opens_no_session_for_its_callers(tiny_bundle, monkeypatch) -> None:
    engine = Engine(read_bundle(tiny_bundle), threads=2)
    warm_up(engine, BatchSizes.up_to(2))

    def refuse(*arguments, **options):
        raise AssertionError("a session was opened")

    monkeypatch.setattr(sessions_module, "open_session", refuse)
    copies_used(engine, 2, monkeypatch)
    engine.classify(pixels())


def test_the_graphs_of_explanations_are_opened_at_their_first_use(tiny_bundle) -> None:
    fresh = Engine(read_bundle(tiny_bundle), threads=1)
    assert [fresh.is_open(graph) for graph in ("classify", "explain", "attend")] == [
        True,
        False,
        False,
    ]
    attended(fresh, "logits", keep=np.arange(16)[None])
    assert [fresh.is_open(graph) for graph in ("explain", "attend")] == [False, True]


@pytest.mark.parametrize("missing", ["explain", "attend"])
def test_a_bundle_without_a_graph_of_explanations_says_how_to_export_one(
    copy_bundle, missing
) -> None:
    folder = copy_bundle(lambda contract: contract["graphs"].pop(missing))
    engine = Engine(read_bundle(folder), threads=1)
    assert not engine.is_explainable
    with pytest.raises(
        NotExplainable, match=r"model tiny 1 has no graphs of .* 'vitrine-model exp"
    ):
        engine.run(missing, {}, ())


def test_a_bundle_without_a_graph_of_traces_says_how_to_add_one(copy_bundle) -> None:
    folder = copy_bundle(lambda contract: contract["graphs"].pop("trace"))
    engine = Engine(read_bundle(folder), threads=1)
    assert not engine.is_traceable
    assert engine.is_explainable
    with pytest.raises(NotTraceable, match=r"model tiny 1 has no graph of traces.* add-trace"):
        engine.run("trace", {}, ())


def test_a_graph_of_another_shape_than_the_contracts_is_refused(copy_bundle) -> None:
    def widen(contract) -> None:
        contract["architecture"]["width"] = 25
        del contract["graphs"]["trace"]
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
