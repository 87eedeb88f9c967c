"""ViT, DeiT and DINOv2 of transformers, against transformers itself."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.pretrained.conversion import read_checkpoint, read_public_model
from model.pretrained.overrides import Overrides
from model.pretrained.refusals import MODEL_TYPES
from service.errors import InvalidInput
from tests.model.pretrained.saved import BACKBONES, KINDS, LABELS, SIDE, WIDTH, pixels, saved
from tests.model.pretrained.served import computed_logits, features, served_logits


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_transformers_saved_answers_the_same_through_a_bundle(kind, tmp_path):
    theirs = saved(KINDS[kind], tmp_path / "saved")
    public = read_public_model(str(tmp_path / "saved"), Overrides(image_size=SIDE))
    images = pixels()
    with torch.inference_mode():
        expected = theirs(images).logits
    assert expected.std() > 0.1
    ours = served_logits(public, tmp_path / "bundle", images)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-4)
    assert public.labels == LABELS


@pytest.mark.parametrize("side", [16, 56])
@pytest.mark.parametrize("kind", KINDS)
def test_positions_for_another_image_size_are_those_that_transformers_interpolates(
    kind, side, tmp_path
):
    theirs = saved(KINDS[kind], tmp_path)
    public = read_public_model(str(tmp_path), Overrides(image_size=side))
    images = pixels(side, side)
    asked = {} if kind.startswith("DINOv2") else {"interpolate_pos_encoding": True}
    with torch.inference_mode():
        expected = theirs(images, **asked).logits
    torch.testing.assert_close(computed_logits(public, images), expected, rtol=0, atol=1e-4)
    assert public.shape.image_size == (side, side)
    assert any(fact.what == "positions" for fact in public.facts)


@pytest.mark.parametrize("kind", BACKBONES)
def test_a_backbone_is_read_for_training_and_refused_as_a_bundle(kind, tmp_path):
    theirs = saved(BACKBONES[kind], tmp_path)
    public = read_public_model(str(tmp_path), Overrides(image_size=SIDE))
    assert (public.has_head, public.labels, public.shape.classes) == (False, None, 1)
    images = pixels()
    with torch.inference_mode():
        if kind.endswith("registers"):
            theirs.config.out_features = [f"stage{theirs.config.num_hidden_layers}"]
            grid = theirs(images).feature_maps[-1]  # normalised patches [B, d, rows, columns]
            ours, expected = features(public, images)[:, WIDTH:], grid.mean(dim=(2, 3))
        elif kind == "masked ViT":
            tokens = theirs.vit(images).last_hidden_state
            ours, expected = features(public, images), tokens[:, 0]
        else:
            tokens = theirs(images).last_hidden_state
            ours, expected = features(public, images)[:, :WIDTH], tokens[:, 0]
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-4)
    with pytest.raises(InvalidInput, match=r"has no head of classes.*train --init"):
        computed_logits(public, images)


def test_a_checkpoint_for_training_has_a_head_of_zeros_where_the_source_has_none(tmp_path):
    saved(BACKBONES["DINOv2"], tmp_path)
    checkpoint = read_checkpoint(str(tmp_path), Overrides(image_size=SIDE))
    assert checkpoint.labels == ()
    assert checkpoint.model.head.weight.abs().max() == 0
    assert checkpoint.model.config.readout_width == 2 * WIDTH


def test_a_checkpoint_for_training_has_the_head_and_labels_that_the_source_has(tmp_path):
    theirs = saved(KINDS["ViT"], tmp_path)
    checkpoint = read_checkpoint(str(tmp_path))
    assert checkpoint.labels == LABELS
    torch.testing.assert_close(checkpoint.model.head.weight, theirs.classifier.weight)


def test_names_that_transformers_gives_the_layers_in_memory_are_read_too(tmp_path):
    theirs = saved(KINDS["ViT"], tmp_path)
    save_file(theirs.state_dict(), tmp_path / "model.safetensors")
    images = pixels()
    with torch.inference_mode():
        expected = theirs(images).logits
    public = read_public_model(str(tmp_path))
    torch.testing.assert_close(computed_logits(public, images), expected, rtol=0, atol=1e-4)


def test_weights_in_half_precision_are_read_as_float32(tmp_path):
    theirs = saved(KINDS["DINOv2"], tmp_path)
    theirs.to(torch.bfloat16).save_pretrained(tmp_path)
    public = read_public_model(str(tmp_path), Overrides(image_size=SIDE))
    assert {tensor.dtype for tensor in public.weights.values()} == {torch.float32}
    assert any("bfloat16" in fact.value for fact in public.facts)


@pytest.mark.parametrize("kind", KINDS)
def test_the_norms_epsilon_is_that_of_the_config(kind, tmp_path):
    theirs = saved(KINDS[kind], tmp_path, layer_norm_eps=0.05)
    public = read_public_model(str(tmp_path), Overrides(image_size=SIDE))
    images = pixels()
    with torch.inference_mode():
        expected = theirs(images).logits
    torch.testing.assert_close(computed_logits(public, images), expected, rtol=0, atol=2e-6)


def test_pictures_that_are_not_square_are_served(tmp_path):
    theirs = saved(KINDS["ViT"], tmp_path, image_size=[24, 40])
    preprocessor = {
        "image_processor_type": "ViTImageProcessor",
        "size": {"height": 24, "width": 40},
    }
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    public = read_public_model(str(tmp_path))
    images = pixels(24, 40)
    with torch.inference_mode():
        expected = theirs(images).logits
    torch.testing.assert_close(computed_logits(public, images), expected, rtol=0, atol=1e-4)


def test_everything_that_is_wrong_with_the_tensors_is_told_at_once(tmp_path):
    saved(KINDS["ViT"], tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["vit.layernorm.bias"]
    tensors["vit.stranger"] = torch.zeros(2, 3)
    tensors["vit.embeddings.position_embeddings"] = torch.zeros(1, 10, WIDTH)
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(InvalidInput) as refused:
        read_public_model(str(tmp_path))
    told = {error.pointer: error.detail for error in refused.value.errors}
    assert told == {
        "vit.layernorm.bias": f"expected {WIDTH}, got nothing",
        "vit.stranger": "not expected, got 2 x 3",
        "vit.embeddings.position_embeddings": f"expected 1 x 17 x {WIDTH}, got 1 x 10 x {WIDTH}",
    }
    for name, detail in told.items():
        assert f"{name}: {detail}" in refused.value.detail


def test_a_promised_head_that_is_missing_is_told(tmp_path):
    saved(KINDS["ViT"], tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["classifier.weight"], tensors["classifier.bias"]
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(InvalidInput, match=r"classifier.weight: expected 5 x 24, got nothing"):
        read_public_model(str(tmp_path))


def changed_config(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_another_family_is_refused_by_name_with_the_reason(model_type, tmp_path):
    saved(KINDS["ViT"], tmp_path)
    changed_config(tmp_path, model_type=model_type)
    with pytest.raises(InvalidInput) as refused:
        read_public_model(str(tmp_path))
    assert f"'{model_type}'" in refused.value.detail
    assert MODEL_TYPES[model_type] in refused.value.detail


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"hidden_act": "quick_gelu"}, "hidden_act 'quick_gelu': its activation is not the exact"),
        ({"hidden_act": "gelu_new"}, "gelu_new"),
        ({"num_channels": 1}, "num_channels: expected 3, got 1"),
        ({"patch_size": [8, 4]}, "expected square patches, got 8 x 4"),
        ({"hidden_size": "24"}, "hidden_size: expected a number from 1 to 20,000, got '24'"),
        ({"image_size": 30}, "not a multiple of patch_size 8"),
        ({"num_attention_heads": 5}, "does not split into 5 heads"),
    ],
)
def test_a_config_that_cannot_be_served_is_refused(changes, told, tmp_path):
    saved(KINDS["ViT"], tmp_path)
    changed_config(tmp_path, **changes)
    with pytest.raises(InvalidInput) as refused:
        read_public_model(str(tmp_path))
    assert told in refused.value.detail


def test_several_wrong_values_of_a_config_are_told_at_once(tmp_path):
    saved(KINDS["ViT"], tmp_path)
    changed_config(tmp_path, hidden_act="relu", num_channels=1, use_swiglu_ffn=True)
    with pytest.raises(InvalidInput) as refused:
        read_public_model(str(tmp_path))
    assert [error.pointer for error in refused.value.errors] == [
        "num_channels",
        "hidden_act",
        "use_swiglu_ffn",
    ]


def test_heads_are_those_of_the_config(tmp_path):
    saved(KINDS["ViT"], tmp_path)
    with pytest.raises(InvalidInput, match=r"--heads 3: config\.json tells the heads already"):
        read_public_model(str(tmp_path), Overrides(heads=3))


def test_an_image_size_that_the_patches_do_not_tile_is_refused(tmp_path):
    saved(KINDS["ViT"], tmp_path)
    with pytest.raises(InvalidInput, match=r"image_size \(30, 30\) is not a multiple"):
        read_public_model(str(tmp_path), Overrides(image_size=30))
