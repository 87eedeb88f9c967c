"""The graph in fewer bits: added when it answers as fp32 does, refused with the figures if not."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from model.cli import main
from model.evaluate import evaluate
from model.quantize import QuantizationRefused, quantize
from model.quantized_graph import write_int8
from model.sources import DataError
from service.bundle import file_digest, read_bundle
from service.engine import Engine
from tests.near_ties import write_torn

PICTURES = 40


@pytest.fixture
def bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A copy of the tiny bundle to write into."""
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundles" / "tiny" / "1"))


@pytest.fixture
def add(sure_pictures: Path) -> Callable[..., object]:
    """Quantize with the pictures that the tiny model is sure about."""

    def run(folder: Path, **options: object):
        return quantize(folder, [str(sure_pictures)], **{"images_at_least": PICTURES, **options})

    return run


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): file_digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def operations(graph: Path) -> Counter[str]:
    return Counter(node.op_type for node in onnx.load(graph).graph.node)


def test_what_was_measured_is_in_the_contract_and_the_card(quantized_bundles) -> None:
    folder = quantized_bundles / "tiny" / "1"
    recorded = read_bundle(folder).contract.precisions["int8"]
    assert recorded.file == "classify.int8.onnx"
    assert recorded.images == PICTURES
    assert recorded.top1 == recorded.agreement == 1
    assert 0 < recorded.logit_difference < 0.5
    row = "| int8 | `classify.int8.onnx` | 40 | 100.00% | 100.00% |"
    assert row in (folder / "README.md").read_text()


def test_nothing_else_of_the_bundle_changes(quantized_bundles, tiny_bundle) -> None:
    before, after = digests(tiny_bundle), digests(quantized_bundles / "tiny" / "1")
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"classify.int8.onnx", "contract.json", "README.md"}


def test_weights_are_held_in_seven_bits_for_every_output_channel(quantized_bundles) -> None:
    graph = onnx.load(quantized_bundles / "tiny" / "1" / "classify.int8.onnx")
    arrays = {one.name: onnx.numpy_helper.to_array(one) for one in graph.graph.initializer}
    products = [node for node in graph.graph.node if node.op_type == "MatMulInteger"]
    assert len(products) == 2 * 4  # blocks, and weights of each; the head stays in float
    for product in products:
        weights = arrays[product.input[1]]
        assert weights.dtype == np.int8
        assert np.abs(weights.astype(int)).max() <= 64
        assert len(np.unique(np.abs(weights.astype(int)).max(axis=0) >= 63)) == 1


def test_chosen_weights_stay_in_float(tiny_bundle, tmp_path) -> None:
    write_int8(tiny_bundle / "classify.onnx", tmp_path / "all.onnx", [])
    write_int8(tiny_bundle / "classify.onnx", tmp_path / "some.onnx", ["mlp.fc2", "blocks.0.attn"])
    assert operations(tmp_path / "all.onnx")["MatMulInteger"] == 8
    assert operations(tmp_path / "some.onnx")["MatMulInteger"] == 4


def test_too_little_agreement_is_refused_with_the_figures(bundle, tmp_path) -> None:
    torn = write_torn(bundle, tmp_path / "torn", 30)
    before = digests(bundle.parent)
    with pytest.raises(QuantizationRefused) as refused:
        quantize(bundle, [str(torn)], images_at_least=30)
    detail = refused.value.detail
    assert "on 30 pictures top-1 falls from 100.00% to " in detail
    assert " points where 0.3 are allowed and it agrees with fp32 on " in detail
    assert "of the pictures where 99% are required" in detail
    assert "--keep-float" in detail
    assert digests(bundle.parent) == before
    assert sorted(path.name for path in bundle.parent.iterdir()) == ["1"]


def test_an_interruption_leaves_the_bundle_as_it_was(bundle, add) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    before = digests(bundle.parent)
    with pytest.raises(KeyboardInterrupt):
        add(bundle, progress=interrupt)
    assert digests(bundle.parent) == before


def test_fewer_than_ten_thousand_pictures_are_refused_unless_allowed(bundle, sure_pictures) -> None:
    with pytest.raises(DataError, match=r"test has 40 whole pictures, and 10,000 are needed") as it:
        quantize(bundle, [str(sure_pictures)])
    assert "--images-at-least 40" in it.value.detail


def test_a_second_time_replaces_the_first(bundle, add) -> None:
    add(bundle)
    add(bundle, keep_float=["mlp"])
    assert operations(bundle / "classify.int8.onnx")["MatMulInteger"] == 4
    assert list(read_bundle(bundle).contract.precisions) == ["fp32", "int8"]


def test_half_precision_takes_and_gives_float32_and_agrees(bundle, add) -> None:
    compared = add(bundle, precision="fp16")
    assert compared.agreement == 1
    assert compared.logit_difference < 0.05
    session = onnxruntime.InferenceSession(
        bundle / "classify.fp16.onnx", providers=["CPUExecutionProvider"]
    )
    tensors = [*session.get_inputs(), *session.get_outputs()]
    assert {tensor.type for tensor in tensors} == {"tensor(float)"}
    weights = onnx.load(bundle / "classify.fp16.onnx").graph.initializer
    assert {one.data_type for one in weights if len(one.dims) > 1} == {onnx.TensorProto.FLOAT16}
    assert np.isfinite(
        Engine(read_bundle(bundle), threads=1, precision="fp16")
        .classify(np.zeros((2, 3, 32, 32), np.float32))
        .logits
    ).all()


def test_evaluation_measures_the_precision_that_is_asked_for(
    quantized_bundles, tmp_path, tiny_bundle
) -> None:
    torn = str(write_torn(tiny_bundle, tmp_path / "torn", 30))
    exact = evaluate(quantized_bundles / "tiny" / "1", [torn])
    rounded = evaluate(quantized_bundles / "tiny" / "1", [torn], precision="int8")
    assert (exact.top1, exact.agreement) == (1, None)
    assert rounded.agreement == rounded.top1 < 1  # these labels are what fp32 predicts
    assert f"as fp32            {rounded.agreement:.2%}" in rounded.report()


def test_the_command_adds_the_graph_and_says_how_to_serve_it(bundle, sure_pictures, capsys) -> None:
    main(["quantize", str(bundle), "--data", str(sure_pictures), "--images-at-least", "40"])
    output = capsys.readouterr().out
    assert "as fp32            100.00%" in output
    assert "--precision auto" in output
    with pytest.raises(SystemExit):
        main(f"evaluate {bundle} --data {sure_pictures} --precision int8 --record".split())
    assert "leave out --record" in capsys.readouterr().err
