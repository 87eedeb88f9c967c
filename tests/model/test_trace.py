"""The trace graph: the named values of `VisionTransformer.steps`, of the layer asked for."""

from __future__ import annotations

import copy
import shutil

import numpy as np
import onnx
import pytest
import torch
from safetensors.numpy import load_file, save_file

from model.export import add_trace, seal
from model.graphs import graph_specs, modules
from model.trace import LAYER_TENSORS, Tracer
from service.bundle import read_bundle
from service.engine import Engine
from service.errors import ContractError, InvalidInput
from service.graphs import Graphs
from tests.model.pets import pets_vit
from tests.model.vits import SHAPES, random_images, small_vit

WHOLE = ("patches", "patch_embeddings", "embedded", "norm", "pooled", "readout", "logits")


def traced(model, images, layer):
    names = [tensor.name for tensor in graph_specs(model.config).trace.outputs]
    with torch.inference_mode():
        return dict(zip(names, Tracer(model)(images, torch.tensor(layer)), strict=True))


def steps_of(model, images):
    with torch.inference_mode():
        return model.steps(images)


@pytest.fixture(params=SHAPES)
def model(request):
    return small_vit(**SHAPES[request.param])


def test_the_values_of_the_whole_model_are_those_of_the_steps(model):
    images = random_images(model)
    found, steps = traced(model, images, [0, 2]), steps_of(model, images)
    absent = "norm" if model.config.norm_after_pooling else "pooled"
    assert set(WHOLE) - set(found) == {absent}
    for name in set(WHOLE) & set(found):
        torch.testing.assert_close(found[name], getattr(steps, name), rtol=0, atol=0)


def test_each_image_has_the_values_of_the_layer_that_it_asks_for(model):
    images = random_images(model, 3)
    found, steps = traced(model, images, [2, 0, 1]), steps_of(model, images)
    for name in LAYER_TENSORS:
        for image, layer in enumerate((2, 0, 1)):
            expected = getattr(steps.blocks[layer], name)[image]
            torch.testing.assert_close(found[name][image], expected, rtol=0, atol=0)


def test_the_logits_after_a_layer_are_those_of_a_model_that_ends_there(model):
    images = random_images(model)
    layers = traced(model, images, [0, 0])["layer_logits"]
    for depth in (1, 2, 3):
        shorter = small_vit(**{**model.config.to_dict(), "depth": depth})
        kept = {name: model.state_dict()[name] for name in shorter.state_dict()}
        shorter.load_state_dict(kept)
        logits = steps_of(shorter, images).logits
        torch.testing.assert_close(layers[:, depth - 1], logits, rtol=1e-5, atol=1e-5)


def test_the_readouts_attention_is_the_mean_of_the_rows_that_its_parts_are_made_of(model):
    images, prefix = random_images(model), model.config.prefix_tokens
    found = traced(model, images, [0, 0])["readout_attention"]
    for layer, block in enumerate(steps_of(model, images).blocks):
        rows = block.attention[..., prefix:]
        mean = rows[:, :, prefix:].mean(dim=2)
        expected = {
            "class_token": rows[:, :, 0],
            "mean": mean,
            "class_token_and_mean": (rows[:, :, 0] + mean) / 2,
            "class_and_distillation_token": (rows[:, :, 0] + rows[:, :, 1]) / 2,
        }[model.config.pooling]
        torch.testing.assert_close(found[:, layer], expected, rtol=0, atol=1e-6)


def test_token_norms_are_the_lengths_of_all_tokens_after_each_layer(model):
    images = random_images(model)
    found = traced(model, images, [0, 0])["token_norms"]
    for layer, block in enumerate(steps_of(model, images).blocks):
        torch.testing.assert_close(found[:, layer], block.output.square().sum(-1).sqrt())


@pytest.mark.parametrize("layers", [[0], [1, 0, 1]], ids=str)
def test_the_graph_takes_any_batch_and_any_layers_and_equals_torch(pets_bundle, layers):
    model, engine = pets_vit(), Engine(read_bundle(pets_bundle), provider="cpu", threads=1)
    images = random_images(model, len(layers))
    expected = traced(model, images, layers)
    given = {"pixel_values": images.numpy(), "layer": np.array(layers)}
    for name, values in engine.run("trace", given, list(expected)).items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-4, atol=1e-4, err_msg=name)


def test_every_block_is_computed_once_whichever_layer_is_asked_for(pets_bundle):
    bundle = read_bundle(pets_bundle)
    graph = onnx.load(bundle.path("trace.onnx"), load_external_data=False).graph
    softmaxes = [node for node in graph.node if node.op_type == "Softmax"]
    assert len(softmaxes) == bundle.contract.architecture.depth


def without_trace(bundle, folder):
    """Copy a bundle as one that was exported before there were traces."""
    shutil.copytree(bundle, folder)
    (folder / "trace.onnx").unlink()
    contract = read_bundle(bundle).contract
    graphs = {name: spec for name, spec in contract.graphs.named.items() if name != "trace"}
    return seal(folder, contract.model_copy(update={"graphs": Graphs(**graphs)}))


def test_a_trace_is_added_to_a_bundle_and_all_else_of_it_stays(quantized_bundles, tmp_path):
    whole = read_bundle(quantized_bundles / "tiny" / "1")
    before = without_trace(whole.folder, tmp_path / "1")
    assert not Engine(before, threads=1).is_traceable
    after = add_trace(before.folder)
    assert Engine(after, threads=1).is_traceable
    assert after.contract.graphs == whole.contract.graphs
    assert after.contract.precisions == before.contract.precisions
    changed = set(after.contract.files.items()) - set(before.contract.files.items())
    assert {file for file, _ in changed} == {"trace.onnx", "README.md"}
    assert "POST /trace" in after.path("README.md").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_a_trace_that_is_there_is_made_anew(tiny_bundle, tmp_path):
    before = read_bundle(shutil.copytree(tiny_bundle, tmp_path / "1"))
    after = add_trace(before.folder)
    assert after.contract.graphs == before.contract.graphs


def test_a_trace_that_torch_computes_otherwise_is_not_added(tiny_bundle, tmp_path, monkeypatch):
    def louder(model, merged):
        changed = copy.deepcopy(model)
        with torch.no_grad():
            changed.blocks[1].mlp.fc1.bias += 0.01
        return {**modules(model, merged), "trace": Tracer(changed)}

    before = without_trace(tiny_bundle, tmp_path / "1")
    monkeypatch.setattr("model.agreement.modules", louder)
    with pytest.raises(ContractError, match=r"trace \w+ differ from torch's by"):
        add_trace(before.folder)
    assert read_bundle(before.folder).contract == before.contract


def test_a_bundle_whose_weights_do_not_tell_their_shape_gets_no_trace(tiny_bundle, tmp_path):
    silent = without_trace(tiny_bundle, tmp_path / "1")
    weights = silent.path("weights.safetensors")
    save_file(load_file(weights), weights)
    seal(silent.folder, silent.contract)
    with pytest.raises(InvalidInput, match="does not tell the shape"):
        add_trace(silent.folder)
