"""A bundle or a run fits other classes and another image size; what contradicts it is named."""

from __future__ import annotations

import dataclasses
import shutil

import pytest
import torch

from model.checkpoint import load_checkpoint, save_checkpoint
from model.initial_model import (
    InitialModel,
    described,
    initial_model_of,
    read_initial_model,
    trained_by,
)
from model.position_resize import resized_positions
from model.training_config import TrainingConfig
from model.vit import VisionTransformer
from service.bundle import file_digest
from service.errors import ContractError, InvalidInput
from tests.model.pets import LABELS, MEAN, STD
from tests.model.pretrained.saved import BACKBONES, KINDS, SIDE, pixels, saved
from tests.model.vits import random_images, small_vit


@pytest.fixture(scope="module")
def pets(pets_run) -> InitialModel:
    return read_initial_model(str(pets_run))


def config(**given: object) -> TrainingConfig:
    return TrainingConfig.model_validate({"data": ("pictures",), "init": "pets", **given})


def built(pets: InitialModel, config: TrainingConfig, labels: tuple[str, ...]):
    initial = pets.weights(pets.fitted(config), labels)
    model = VisionTransformer(initial.shape)
    model.load_state_dict(initial.weights)
    return initial, model.eval()


# reading


def test_a_run_and_the_bundle_made_of_it_start_alike(pets, pets_run, pets_bundle):
    bundle = read_initial_model(str(pets_bundle))
    assert (pets.name, pets.version) == ("pets", "")
    assert pets.digest == file_digest(pets_run / "model.safetensors")
    assert (bundle.name, bundle.version) == ("pets", "2")
    assert bundle.digest == file_digest(pets_bundle / "contract.json")
    assert bundle.shape == pets.shape
    assert bundle.labels == pets.labels == LABELS
    for name, weight in pets.parameters.items():
        assert torch.equal(bundle.parameters[name], weight)


def test_what_is_not_there_is_named():
    with pytest.raises(
        InvalidInput,
        match="init nowhere is no bundle and no run, and source 'nowhere' is not there",
    ):
        read_initial_model("nowhere")


def test_a_folder_with_neither_is_refused(tmp_path):
    with pytest.raises(
        InvalidInput, match=r"is no bundle and no run, and .* holds no weights, it holds nothing"
    ):
        read_initial_model(str(tmp_path))


def test_a_broken_bundle_is_refused(pets_bundle, tmp_path):
    broken = shutil.copytree(pets_bundle, tmp_path / "broken")
    (broken / "golden.npz").write_bytes(b"other")
    with pytest.raises(ContractError, match=r"golden\.npz"):
        read_initial_model(str(broken))


@pytest.mark.parametrize(
    ("provenance", "optimizer"),
    [
        ({"recipe": "cifar10_cpu"}, "muon"),
        ({"recipe": "cifar10_cpu", "config": {"data": ["x"], "optimizer": "adamw"}}, "adamw"),
        ({"recipe": "as its authors published it"}, None),
        ({}, None),
    ],
)
def test_the_optimizer_that_trained_it_is_taken_from_its_record(provenance, optimizer):
    assert trained_by(provenance) == optimizer


def test_a_configuration_without_one_starts_from_scratch(tiny_config):
    assert initial_model_of(tiny_config()) is None


# shape and image size


def test_the_shape_and_the_image_size_are_the_models(pets):
    fitted = pets.fitted(config())
    assert (fitted.image_size, fitted.patch_size, fitted.width) == (32, 8, 64)
    assert (fitted.depth, fitted.heads, fitted.layer_scale) == (2, 2, 0.5)


def test_every_flag_that_contradicts_the_shape_is_named(pets):
    with pytest.raises(InvalidInput) as refused:
        pets.fitted(config(depth=12, width=64, patch_size=16, pooling="mean", image_size=36))
    detail = refused.value.detail
    assert detail.startswith("init pets gives the shape of the model, and ")
    for part in (
        "depth 12 contradicts its 2",
        "patch_size 16 contradicts its 8",
        "pooling 'mean' contradicts its 'class_token'",
        "image_size 36 is not a multiple of its patch_size 8",
    ):
        assert part in detail
    assert "width" not in detail


def test_a_model_of_oblong_images_needs_an_image_size(pets):
    oblong = dataclasses.replace(pets, shape=dataclasses.replace(pets.shape, image_size=(24, 40)))
    with pytest.raises(InvalidInput, match=r"sees 24 x 40 pixels .*: set image_size"):
        oblong.fitted(config())
    assert oblong.fitted(config(image_size=48)).image_size == 48


def test_at_its_own_size_the_model_is_the_same(pets, pets_run):
    _, model = built(pets, config(), LABELS)
    before = load_checkpoint(pets_run).model
    images = random_images(before)
    with torch.no_grad():
        assert torch.equal(model(images), before(images))


def test_for_another_image_size_the_positions_are_resampled(pets):
    initial, model = built(pets, config(image_size=48), LABELS)
    expected = resized_positions(pets.parameters["pos_embed"], (4, 4), (6, 6))
    assert torch.equal(model.pos_embed, expected)
    assert initial.shape.image_size == (48, 48)


def test_registers_and_mean_pooling_carry_over(tmp_path):
    model = small_vit(registers=3, pooling="mean", norm_epsilon=1e-5, classes=5)
    preprocessing = {"size": [32, 32], "crop": [32, 32], "mean": MEAN, "std": STD}
    save_checkpoint(
        tmp_path, model.state_dict(), model.config, LABELS, preprocessing, {"dataset": "none"}
    )
    initial, again = built(read_initial_model(str(tmp_path)), config(), LABELS)
    assert (initial.shape.registers, initial.shape.pooling) == (3, "mean")
    assert initial.shape.norm_epsilon == 1e-5
    with torch.no_grad():
        images = random_images(model)
        assert torch.equal(again(images), model(images))


def test_drop_path_is_the_trainings(pets):
    assert pets.weights(pets.fitted(config(drop_path=0.3)), LABELS).shape.drop_path == 0.3


# the head


def test_other_labels_get_a_head_that_finds_them_equally_likely(pets):
    initial, model = built(pets, config(), ("ship", "tree"))
    assert initial.tuned_from.head == "new"
    assert initial.shape.classes == 2
    with torch.no_grad():
        assert torch.equal(model(random_images(model)), torch.zeros(2, 2))
    assert "a new head for 2 labels; all of it is trained" in described(initial)


def test_the_same_labels_in_another_order_keep_their_rows(pets, pets_run):
    turned = LABELS[::-1]
    initial, model = built(pets, config(freeze="backbone"), turned)
    before = load_checkpoint(pets_run).model
    with torch.no_grad():
        images = random_images(before)
        assert torch.allclose(model(images), before(images).flip(1), atol=1e-6)
    assert (initial.tuned_from.head, initial.tuned_from.trained) == ("kept", "head")
    assert "its head is kept, for its labels are the same; the rest stays" in described(initial)


def test_a_model_without_a_head_gets_one(pets):
    parameters = {k: v for k, v in pets.parameters.items() if not k.startswith("head.")}
    headless = dataclasses.replace(pets, parameters=parameters, labels=())
    _, model = built(headless, config(), LABELS)
    assert torch.equal(model.head.weight, torch.zeros(5, 64))


# public models


@pytest.mark.parametrize("kind", ["ViT", "distilled DeiT", "DINOv2 with registers"])
def test_a_public_model_starts_with_its_own_logits(kind, tmp_path):
    source = saved(KINDS[kind], tmp_path)
    public = read_initial_model(str(tmp_path), SIDE)
    _, model = built(public, config(), public.labels)
    with torch.no_grad():
        images = pixels()
        expected = source(images).logits
        assert torch.allclose(model(images), expected, atol=1e-4)
    assert public.origin is not None
    assert public.origin.digest == public.digest == file_digest(tmp_path / "model.safetensors")


def test_a_backbone_without_a_head_gets_one(tmp_path):
    source = saved(BACKBONES["DINOv2"], tmp_path)
    initial, model = built(read_initial_model(str(tmp_path), SIDE), config(), ("ant", "bee"))
    assert initial.tuned_from.head == "new"
    with torch.no_grad():
        images = pixels()
        tokens = source(images).last_hidden_state
        expected = torch.cat([tokens[:, 0], tokens[:, 1:].mean(dim=1)], dim=1)
        assert torch.allclose(model.features(images), expected, atol=1e-4)
        assert torch.equal(model(images), torch.zeros(3, 2))


def test_a_public_models_positions_are_resampled_as_its_library_does_it(tmp_path):
    source = saved(KINDS["ViT"], tmp_path)
    public = read_initial_model(str(tmp_path), image_size=48)
    assert public.shape.image_size == (48, 48)
    _, model = built(public, config(image_size=48), public.labels)
    with torch.no_grad():
        images = pixels(48, 48)
        expected = source(images, interpolate_pos_encoding=True).logits
        assert torch.allclose(model(images), expected, atol=1e-4)
