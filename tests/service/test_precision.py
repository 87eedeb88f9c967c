"""The number format that classifies: as asked, or the faster one, and always said."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from service.bundle import file_digest, read_bundle, read_contract
from service.classify import probabilities
from service.contract import CONTRACT_FILE
from service.decoding import ImageLimits
from service.doctor.examination import examine
from service.engine import Engine
from service.errors import ContractError, ProviderError
from service.precision import WORTHWHILE, measure_speedup
from service.preprocess import preprocess
from service.registry import open_model
from service.settings import Settings
from tests.service.live import serving
from tests.service.pictures import draw, encode

open_here = partial(open_model, provider="cpu", threads=1, max_batch_size=2)
PICTURE = encode(draw())


@pytest.fixture(scope="module")
def bundle(quantized_bundles: Path) -> Path:
    return quantized_bundles / "tiny" / "1"


@pytest.fixture(scope="module")
def int8_server(quantized_bundles: Path):
    with serving(quantized_bundles, precision="int8") as server:
        yield server


def logits_of(bundle: Path, file: str) -> np.ndarray:
    pixels = preprocess(PICTURE, read_bundle(bundle).contract.preprocessing, ImageLimits())[1]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        bundle / file, options, providers=["CPUExecutionProvider"]
    )
    return session.run(["logits"], {"pixel_values": pixels[None]})[0][0]


def served_probabilities(answer: dict) -> np.ndarray:
    items = sorted(answer["predictions"], key=lambda item: item["index"])
    return np.array([item["probability"] for item in items])


def test_int8_serves_the_numbers_of_its_own_graph(int8_server, bundle) -> None:
    served = served_probabilities(int8_server.client.post("/classify", content=PICTURE).json())
    expected = probabilities(logits_of(bundle, "classify.int8.onnx")[None])[0]
    exact = probabilities(logits_of(bundle, "classify.onnx")[None])[0]
    np.testing.assert_allclose(served, expected, atol=1e-6)
    assert np.abs(served - exact).max() > 1e-5


def test_explanations_are_in_fp32_whatever_classifies(int8_server, bundle) -> None:
    answer = int8_server.client.post("/explain?method=relevance", content=PICTURE).json()
    exact = probabilities(logits_of(bundle, "classify.onnx")[None])[0]
    np.testing.assert_allclose(served_probabilities(answer), exact, atol=1e-5)


def test_readiness_models_and_metrics_name_the_precision(int8_server) -> None:
    [ready] = int8_server.client.get("/health/ready").json()["models"]
    [listed] = int8_server.client.get("/models").json()
    assert ready == listed
    assert (ready["precision"], ready["precision_chosen_by"]) == ("int8", "setting")
    assert ready["precision_speedup"] is None
    [line] = [
        line
        for line in int8_server.client.get("/metrics").text.splitlines()
        if line.startswith("vitrine_model_info{")
    ]
    assert 'precision="int8"' in line
    assert f'digest="{ready["digest"]}"' in line


def test_auto_takes_the_faster_one_and_says_what_it_measured(quantized_bundles) -> None:
    with serving(quantized_bundles, precision="auto") as server:
        [model] = server.client.get("/health/ready").json()["models"]
        assert model["precision_chosen_by"] == "measurement"
        is_faster = model["precision_speedup"] >= WORTHWHILE
        assert model["precision"] == ("int8" if is_faster else "fp32")
        file = "classify.int8.onnx" if is_faster else "classify.onnx"
        served = served_probabilities(server.client.post("/classify", content=PICTURE).json())
        expected = probabilities(logits_of(quantized_bundles / "tiny" / "1", file)[None])[0]
        np.testing.assert_allclose(served, expected, atol=1e-6)


def test_auto_serves_fp32_where_a_bundle_has_nothing_else(tiny_bundle) -> None:
    choice = open_here(tiny_bundle, precision="auto").precision
    assert (choice.name, choice.chosen_by, choice.speedup) == ("fp32", "no other", None)


def test_fp32_is_served_unless_another_is_asked_for(bundle) -> None:
    assert open_here(bundle).engine.precision == "fp32"


def test_a_speedup_is_that_of_one_engine_over_the_other(bundle) -> None:
    class Slow(Engine):
        def classify(self, pixel_values, threads=None):
            for _ in range(20):
                answer = super().classify(pixel_values, threads)
            return answer

    fast, slow = (kind(read_bundle(bundle), threads=1) for kind in (Engine, Slow))
    assert measure_speedup(slow, fast, max_batch_size=2) > 2
    assert measure_speedup(fast, slow, max_batch_size=2) < 0.5


def test_int8_that_a_bundle_lacks_stops_the_start_with_the_command_that_makes_it(tiny_bundle):
    with pytest.raises(ContractError) as refused:
        open_here(tiny_bundle, precision="int8")
    assert "tiny 1 has no int8 graph, only fp32" in refused.value.detail
    assert "vitrine-model quantize BUNDLE --data DATA --precision int8" in refused.value.detail


def test_half_precision_is_refused_on_a_cpu(bundle, tmp_path) -> None:
    folder = altered(bundle, tmp_path)
    contract = json.loads((folder / CONTRACT_FILE).read_text())
    contract["precisions"]["fp16"] = contract["precisions"]["int8"]
    (folder / CONTRACT_FILE).write_text(json.dumps(contract))
    with pytest.raises(ProviderError, match="precision fp16 is for the provider cuda, but CPU"):
        open_here(folder, precision="fp16")


def altered(bundle: Path, folder: Path, change=lambda graph: None) -> Path:
    """Copy a bundle, change its int8 graph, and state the digest of what it now is."""
    copied = Path(shutil.copytree(bundle, folder / "1"))
    graph = onnx.load(copied / "classify.int8.onnx")
    change(graph)
    onnx.save(graph, copied / "classify.int8.onnx")
    contract = json.loads((copied / CONTRACT_FILE).read_text())
    contract["files"]["classify.int8.onnx"] = file_digest(copied / "classify.int8.onnx")
    (copied / CONTRACT_FILE).write_text(json.dumps(contract))
    return copied


def test_an_int8_graph_that_gives_other_numbers_than_were_measured_is_not_served(bundle, tmp_path):
    def shift(graph: onnx.ModelProto) -> None:
        [bias] = [one for one in graph.graph.initializer if one.name.endswith("head.bias")]
        moved = onnx.numpy_helper.to_array(bias) + np.float32(2)
        bias.CopyFrom(onnx.numpy_helper.from_array(moved, bias.name))

    folder = altered(bundle, tmp_path, shift)
    with pytest.raises(ContractError, match="golden logits are off by"):
        open_here(folder, precision="int8")
    assert open_here(folder).engine.precision == "fp32"


def test_an_int8_graph_that_was_tampered_with_is_named(bundle, tmp_path) -> None:
    copied = Path(shutil.copytree(bundle, tmp_path / "1"))
    with (copied / "classify.int8.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ContractError, match=r"/files/classify.int8.onnx: expected sha256"):
        read_bundle(copied)


def test_contracts_without_what_is_on_record_of_int8_are_read(tiny_bundle, tmp_path) -> None:
    contract = json.loads((tiny_bundle / CONTRACT_FILE).read_text())
    contract["precisions"] = {"fp32": {"file": "classify.onnx", "top1": 0.5, "images": 10}}
    (tmp_path / CONTRACT_FILE).write_text(json.dumps(contract))
    fp32 = read_contract(tmp_path / CONTRACT_FILE).precisions["fp32"]
    assert (fp32.top1, fp32.agreement, fp32.logit_difference) == (0.5, None, None)


def test_doctor_says_which_precisions_there_are_and_which_is_faster(quantized_bundles) -> None:
    checks = examine(Settings(bundles=quantized_bundles, precision="auto", threads=1))
    (found,) = (check for check in checks if check.topic == "precision")
    assert "auto takes " in found.found
    assert "the bundle offers fp32 (" in found.found
    assert found.facts["offered"].keys() == {"fp32", "int8"}
    assert found.facts["speedup"] > 0
