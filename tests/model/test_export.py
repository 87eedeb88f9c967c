"""From a checkpoint to a bundle: whole, agreeing with torch, or not at all."""

import dataclasses
import json
import shutil

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file

from model.checkpoint import load_checkpoint
from model.classifier import Classifier
from model.explain import Attender, Explainer
from model.export import export_bundle, reseal, seal
from model.graphs import graph_specs, write_graph, write_weights
from model.weight_sharing import share_weights
from service.bundle import read_bundle
from service.engine import Engine
from service.errors import ContractError, InvalidInput
from service.graphs import Graphs
from tests.model.pets import LABELS, checkpoint, pets_vit
from tests.model.vits import random_images, small_vit
from tests.untraced import untraced_exporter


@pytest.fixture(scope="module")
def model():
    return pets_vit()


@pytest.fixture(scope="module")
def bundle(pets_bundle):
    return read_bundle(pets_bundle)


@pytest.fixture(scope="module")
def engine(bundle):
    return Engine(bundle, provider="cpu", threads=1)


def test_the_bundle_lies_under_its_name_and_version(bundle):
    assert bundle.folder.parts[-2:] == ("pets", "2")
    assert sorted(path.name for path in bundle.folder.iterdir()) == [
        "README.md", "attend.onnx", "classify.onnx", "contract.json", "explain.onnx",
        "golden.npz", "trace.onnx", "weights.safetensors",
    ]  # fmt: skip


def test_nothing_else_is_left_beside_the_bundle(bundle):
    assert [path.name for path in bundle.folder.parent.iterdir()] == ["2"]


def test_the_classify_graph_takes_any_batch_and_equals_torch(model, engine):
    for count in (1, 3):
        images = random_images(model, count)
        found = engine.classify(images.numpy())
        with torch.inference_mode():
            logits, readout = Classifier(model)(images)
        np.testing.assert_allclose(found.logits, logits, rtol=0, atol=1e-4)
        np.testing.assert_allclose(found.readout, readout, rtol=0, atol=1e-4)


def run(engine, graph, **inputs):
    """Run a graph with all of its outputs, in the order that the contract states."""
    outputs = [tensor.name for tensor in engine.bundle.contract.graphs.named[graph].outputs]
    found = engine.run(graph, {name: value.numpy() for name, value in inputs.items()}, outputs)
    return [found[name] for name in outputs]


def weights_of(count, seed):
    return torch.randn(2, count, 5, generator=torch.manual_seed(seed))


@pytest.mark.parametrize(
    ("targets", "layer_targets"), [(1, 4), (4, 1), (0, 2), (2, 0), (0, 0)], ids=str
)
def test_the_explain_graph_takes_any_number_of_targets_and_equals_torch(
    model, engine, targets, layer_targets
):
    given = {
        "pixel_values": random_images(model, 2),
        "logit_weights": weights_of(targets, seed=1),
        "layer_weights": weights_of(layer_targets, seed=2),
    }
    with torch.inference_mode():
        expected = Explainer(model)(**given)
    for found, values in zip(run(engine, "explain", **given), expected, strict=True):
        np.testing.assert_allclose(found, values, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kept", [1, 5, 16])
def test_the_attend_graph_takes_any_number_of_patches_and_equals_torch(model, engine, kept):
    keep = torch.stack([torch.randperm(16, generator=torch.manual_seed(n)) for n in range(3)])
    given = {"pixel_values": random_images(model, 3), "keep": keep[:, :kept]}
    with torch.inference_mode():
        expected = Attender(model)(**given)
    for found, values in zip(run(engine, "attend", **given), expected, strict=True):
        np.testing.assert_allclose(found, values, rtol=0, atol=1e-4)


def test_all_graphs_give_the_same_logits(model, engine):
    images = random_images(model, 2)
    classified = engine.classify(images.numpy()).logits
    none = torch.zeros(2, 1, 5)
    explained, *_ = run(
        engine, "explain", pixel_values=images, logit_weights=none, layer_weights=none
    )
    everything = torch.arange(16).repeat(2, 1)
    attended, *_ = run(engine, "attend", pixel_values=images, keep=everything)
    np.testing.assert_allclose(explained, classified, rtol=0, atol=1e-4)
    np.testing.assert_allclose(attended, classified, rtol=0, atol=1e-4)


def test_all_graphs_read_one_weights_file_that_torch_reads_too(model, bundle):
    for name, value in load_file(bundle.path("weights.safetensors")).items():
        torch.testing.assert_close(value, model.state_dict()[name], rtol=0, atol=0)
    for file in ("classify.onnx", "explain.onnx", "attend.onnx", "trace.onnx"):
        graph = onnx.load(bundle.path(file), load_external_data=False)
        external = [tensor for tensor in graph.graph.initializer if tensor.external_data]
        assert {tensor.external_data[0].value for tensor in external} == {"weights.safetensors"}
        inline = [tensor for tensor in graph.graph.initializer if not tensor.external_data]
        assert max(len(tensor.raw_data) for tensor in inline) <= 16 * 1024


def test_the_graphs_hold_no_path_of_the_machine_that_exported_them(bundle):
    for file in ("classify.onnx", "explain.onnx", "attend.onnx", "trace.onnx"):
        content = bundle.path(file).read_bytes()
        assert b"site-packages" not in content
        assert b".py" not in content


def test_the_contract_names_no_path_of_the_machine_that_trained(bundle):
    assert bundle.contract.provenance.command == "vitrine-model train --data pets"


def test_anyone_may_read_the_files(bundle):
    for path in bundle.folder.iterdir():
        assert path.stat().st_mode & 0o444 == 0o444, path


def test_an_existing_version_is_not_overwritten(model, bundle):
    with pytest.raises(InvalidInput, match="exists already; choose another version"):
        export_bundle(checkpoint(model), bundle.folder.parents[1], "pets", "2")


@pytest.mark.parametrize("labels", [LABELS[:4], ("ant", "bee", " ", "dog", "elk")])
def test_a_missing_label_is_refused(model, labels, tmp_path):
    with pytest.raises(InvalidInput, match="has 5 classes and 4 labels"):
        export_bundle(checkpoint(model, labels), tmp_path, "pets", "1")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_onnxruntime_computes_otherwise_is_refused(
    model, bundle, tmp_path, monkeypatch
):
    def write_graphs_of_another_model(model, folder):
        for file in ("classify.onnx", "explain.onnx", "attend.onnx", "trace.onnx"):
            shutil.copy(bundle.path(file), folder)
        content = bundle.path("weights.safetensors").read_bytes()
        start = 8 + int.from_bytes(content[:8], "little")
        louder = np.frombuffer(content[start:], np.float32) * np.float32(1.01)
        (folder / "weights.safetensors").write_bytes(content[:start] + louder.tobytes())

    monkeypatch.setattr("model.export.write_graphs", write_graphs_of_another_model)
    with pytest.raises(ContractError, match=r"differ from torch's by"):
        export_bundle(checkpoint(model), tmp_path, "pets", "1")
    assert not (tmp_path / "pets" / "1").exists()


def test_a_large_constant_that_is_no_parameter_is_refused(bundle):
    graph = onnx.load(bundle.path("classify.onnx"))
    with pytest.raises(ContractError, match="is no parameter"):
        share_weights(graph, bundle.path("weights.safetensors"), {})


@pytest.mark.parametrize("pooling", ["class_token", "class_token_and_mean"])
def test_no_graph_of_a_model_of_many_patches_holds_a_large_constant(tmp_path, pooling):
    """share_weights refuses one, such as a matrix of tokens by tokens."""
    model = small_vit(image_size=(112, 112), depth=2, pooling=pooling)
    assert model.config.patches == 196
    write_weights(model, tmp_path)
    with untraced_exporter():
        for name, merged in (("classify", (9,)), ("explain", ()), ("attend", ()), ("trace", ())):
            write_graph(model, name, tmp_path, merged)


def copied(bundle, folder):
    folder.mkdir()
    for path in bundle.folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return read_bundle(folder)


def test_a_bundle_gives_its_model_back_with_all_that_is_known_of_it(model, bundle):
    again = load_checkpoint(bundle.folder)
    images = random_images(model, 2)
    with torch.inference_mode():
        assert torch.equal(again.model(images), model(images))
    assert again.model.config == model.config
    assert not again.model.training
    assert again.labels == LABELS
    assert again.preprocessing["crop"] == (32, 32)
    assert again.provenance["dataset"] == "drawn"


def test_a_bundle_without_graphs_of_explanations_is_renewed_to_one_that_has_them(
    model, bundle, tmp_path
):
    lean = copied(bundle, tmp_path / "1")
    for file in ("explain.onnx", "attend.onnx"):
        lean.path(file).unlink()
    classify = Graphs(classify=bundle.contract.graphs.classify)
    lean = seal(lean.folder, lean.contract.model_copy(update={"graphs": classify}))
    assert not Engine(lean, threads=1).is_explainable
    again = load_checkpoint(lean.folder)
    images = random_images(model, 2)
    with torch.inference_mode():
        assert torch.equal(again.model(images), model(images))


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_a_bundle_whose_weights_do_not_tell_their_shape_is_not_renewed(bundle, tmp_path, metadata):
    silent = copied(bundle, tmp_path / "1")
    weights = silent.path("weights.safetensors")
    save_file(load_file(weights), weights, metadata=metadata)
    seal(silent.folder, silent.contract)
    with pytest.raises(InvalidInput, match=r"does not tell the shape .* give the run folder"):
        load_checkpoint(silent.folder)


def test_a_broken_bundle_is_not_renewed(bundle, tmp_path):
    broken = copied(bundle, tmp_path / "1")
    with broken.path("weights.safetensors").open("ab") as weights:
        weights.write(b"x")
    with pytest.raises(ContractError, match=r"/files/weights\.safetensors: expected sha256:"):
        load_checkpoint(broken.folder)


def test_resealing_changes_the_contract_and_the_card_alone(bundle, tmp_path):
    before = copied(bundle, tmp_path / "1")
    provenance = before.contract.provenance.model_copy(update={"machine": "a desk"})
    after = reseal(before, before.contract.model_copy(update={"provenance": provenance}))
    assert after.contract.provenance.machine == "a desk"
    assert "a desk" in after.path("README.md").read_text()
    changed = {
        file for file in after.contract.files
        if after.contract.files[file] != before.contract.files[file]
    }  # fmt: skip
    assert changed == {"README.md"}
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_graph_specs_follow_the_shape(model):
    specs = graph_specs(model.config)
    shapes = {tensor.name: tensor.shape for tensor in specs.explain.outputs}
    assert shapes["relevance"] == shapes["counter_relevance"] == ("batch", "targets", 2, 16)
    assert shapes["patch_gradient"] == ("batch", "targets", 16, 3 * 8 * 8)
    assert shapes["layer_evidence"] == ("batch", "layer_targets", 16)
    assert specs.attend.inputs[1].dtype == "int64"
    assert specs.attend.outputs[1].shape == ("batch", 2, 2, "tokens", "tokens")
    assert specs.classify.inputs[0].shape == ("batch", 3, 32, 32)


@pytest.mark.parametrize("graph", ["explain", "attend"])
def test_a_bundle_without_a_graph_of_explanations_is_a_bundle_too(bundle, graph):
    document = json.loads(bundle.contract.model_dump_json())
    document["graphs"][graph] = None
    assert graph not in Graphs.model_validate(document["graphs"]).named
    assert dataclasses.is_dataclass(bundle)


@pytest.mark.parametrize(("name", "version"), [("Pets", "1"), ("../pets", "1"), ("pets", "a b")])
def test_a_name_that_cannot_be_one_is_refused_before_anything_is_written(
    model, tmp_path, name, version
):
    with pytest.raises(InvalidInput, match=r"cannot be one; use up to 64"):
        export_bundle(checkpoint(model), tmp_path / "bundles", name, version)
    assert list(tmp_path.iterdir()) == []
