"""timm's plain ViTs and DeiTs, against a forward pass of timm's semantics written for the tests."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.pretrained.conversion import read_public_model
from model.pretrained.overrides import Overrides
from service.errors import InvalidInput
from tests.model.pretrained.saved import LABELS, pixels
from tests.model.pretrained.served import computed_logits, features, served_logits
from tests.model.pretrained.timm_reference import timm_reference

MODELS = {  # a name of timm's, and the arguments that timm gives models of that name
    "vit_tiny_patch16_224.augreg_in21k_ft_in1k": {},
    "vit_small_patch16_36x1_224": {"init_values": 1e-5},
    "vit_base_patch16_224_miil.in21k_ft_in1k": {"qkv_bias": False},
    "vit_medium_patch16_gap_256.sw_in12k_ft_in1k": {
        "class_token": False, "global_pool": "avg", "qkv_bias": False, "init_values": 1e-6,
        "fc_norm": False,
    },
    "vit_medium_patch16_reg4_256": {"no_embed_class": True, "reg_tokens": 4},
    "vit_medium_patch16_reg4_gap_256.sbb_in12k_ft_in1k": {
        "class_token": False, "global_pool": "avg", "init_values": 1e-5, "no_embed_class": True,
        "reg_tokens": 4,
    },
    "vit_so150m_patch16_reg4_gap_256": {
        "class_token": False, "global_pool": "avg", "fc_norm": False, "reg_tokens": 4,
    },
    "vit_base_patch14_reg4_dinov2.lvd142m": {
        "init_values": 1e-5, "no_embed_class": True, "reg_tokens": 4,
    },
    "vit_base_patch14_dinov2.lvd142m": {"init_values": 1e-5},
    "vit_base_patch16_clip_224.laion2b_ft_in1k": {"pre_norm": True},
    "flexivit_small.300ep_in1k": {"no_embed_class": True},
    "eva_large_patch14_196.in22k_ft_in1k": {"global_pool": "avg"},
    "deit_tiny_patch16_224.fb_in1k": {},
    "deit_small_distilled_patch16_224.fb_in1k": {"distilled": True},
    "deit3_small_patch16_224.fb_in22k_ft_in1k": {"no_embed_class": True, "init_values": 1e-6},
}  # fmt: skip
TOLERANCE = 2e-6  # a norm's epsilon of 1e-6 instead of 1e-5 moves logits by 7e-6 only
THROUGH_A_BUNDLE = (
    "vit_medium_patch16_reg4_gap_256.sbb_in12k_ft_in1k",
    "vit_base_patch16_clip_224.laion2b_ft_in1k",
)


def config(name, **changes):
    """Give a config.json as timm saves it on the Hub."""
    arguments = MODELS.get(name, {})
    transform = {
        "input_size": [3, 32, 32], "crop_pct": 0.9, "interpolation": "bicubic",
        "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "num_classes": 5,
    }  # fmt: skip
    return {
        "architecture": name.partition(".")[0],
        "num_classes": 5,
        "num_features": 24,
        "global_pool": arguments.get("global_pool", "token"),
        "pretrained_cfg": transform,
        "model_args": {"num_heads": 2},
        "label_names": list(LABELS),
        **changes,
    }


def saved(folder, name="vit_tiny_patch16_224", told=None, **arguments):
    model = timm_reference(**{**MODELS.get(name, {}), **arguments})
    save_file(model.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(told or config(name)))
    return model


def assert_same_logits(public, theirs):
    images = pixels()
    with torch.inference_mode():
        expected = theirs(images)
    torch.testing.assert_close(computed_logits(public, images), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_answers_as_in_timm(name, tmp_path):
    theirs = saved(tmp_path, name)
    public = read_public_model(str(tmp_path))
    images = pixels()
    with torch.inference_mode():
        expected = theirs(images)
    assert expected.std() > 0.1
    torch.testing.assert_close(computed_logits(public, images), expected, rtol=0, atol=TOLERANCE)
    assert public.labels == LABELS


@pytest.mark.parametrize("name", THROUGH_A_BUNDLE)
def test_it_does_so_through_a_bundle(name, tmp_path):
    theirs = saved(tmp_path, name)
    images = pixels()
    ours = served_logits(read_public_model(str(tmp_path)), tmp_path / "bundle", images)
    with torch.inference_mode():
        torch.testing.assert_close(ours, theirs(images), rtol=0, atol=1e-4)


@pytest.mark.parametrize("side", [16, 56])
@pytest.mark.parametrize("name", MODELS)
def test_positions_for_another_image_size_are_those_that_timm_resamples(name, side, tmp_path):
    theirs = saved(tmp_path, name).resampled(side)
    public = read_public_model(str(tmp_path), Overrides(image_size=side))
    images = pixels(side, side)
    with torch.inference_mode():
        expected = theirs(images)
    torch.testing.assert_close(computed_logits(public, images), expected, rtol=0, atol=1e-4)


def test_positions_fit_the_input_size_that_the_config_tells(tmp_path):
    told = config("vit_tiny_patch16_224")
    told["pretrained_cfg"]["input_size"] = [3, 48, 48]
    theirs = saved(tmp_path, told=told).resampled(48)
    public = read_public_model(str(tmp_path))
    images = pixels(48, 48)
    with torch.inference_mode():
        expected = theirs(images)
    torch.testing.assert_close(computed_logits(public, images), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_the_norms_epsilon_is_that_of_the_name(name, tmp_path):
    saved(tmp_path, name)
    expected = 1e-5 if "_clip_" in name else 1e-6
    assert read_public_model(str(tmp_path)).shape.norm_epsilon == expected


def test_a_bare_file_is_read_by_its_architecture(tmp_path):
    theirs = timm_reference(embed_dim=27, num_heads=3)  # 3 heads, as the name tells
    save_file(theirs.state_dict(), tmp_path / "weights.safetensors")
    public = read_public_model(
        str(tmp_path / "weights.safetensors"), Overrides(architecture="vit_tiny_patch16_224")
    )
    assert_same_logits(public, theirs)
    assert public.labels == tuple(f"class {index}" for index in range(5))
    assert any("is assumed" in warning for warning in public.warnings)


def test_a_bare_file_without_a_name_has_heads_of_64_features_and_says_so(tmp_path):
    theirs = timm_reference(embed_dim=128, num_heads=2)
    save_file(theirs.state_dict(), tmp_path / "weights.safetensors")
    public = read_public_model(str(tmp_path / "weights.safetensors"))
    assert_same_logits(public, theirs)
    heads = next(fact for fact in public.facts if fact.what == "heads")
    assert (heads.value, heads.origin) == ("2", "assumed, width / 64")
    assert any("no name says what this model is" in warning for warning in public.warnings)


def test_heads_that_no_name_and_no_width_tells_must_be_given(tmp_path):
    theirs = timm_reference(embed_dim=24, num_heads=4)
    file = tmp_path / "weights.safetensors"
    save_file(theirs.state_dict(), file)
    with pytest.raises(InvalidInput, match=r"width 24 is no multiple of 64; give .* --heads N"):
        read_public_model(str(file))
    public = read_public_model(str(file), Overrides(heads=4))
    assert_same_logits(public, theirs)


def test_a_model_without_classes_is_a_backbone(tmp_path):
    theirs = saved(tmp_path, num_classes=0)
    public = read_public_model(str(tmp_path))
    assert not public.has_head
    images = pixels()
    with torch.inference_mode():
        x = theirs._embedded(images)
        for block in theirs.blocks:
            x = block(x)
        torch.testing.assert_close(features(public, images), theirs.norm(x)[:, 0])


def test_checkpoints_of_dinov2_itself_name_the_registers_otherwise(tmp_path):
    theirs = timm_reference(reg_tokens=2, no_embed_class=True, init_values=1.0)
    state = theirs.state_dict()
    state["register_tokens"] = state.pop("reg_token")
    state["mask_token"] = torch.zeros(1, 24)
    class_row = torch.zeros(1, 1, 24)
    state["pos_embed"] = torch.cat([class_row, state["pos_embed"]], dim=1)
    save_file(state, tmp_path / "model.safetensors")
    public = read_public_model(str(tmp_path), Overrides(heads=2))
    assert_same_logits(public, theirs)


def test_checkpoints_of_deit_iii_itself_name_layer_scale_otherwise(tmp_path):
    theirs = timm_reference(no_embed_class=True, init_values=1e-6)
    state = {
        name.replace("ls1.gamma", "gamma_1").replace("ls2.gamma", "gamma_2"): tensor
        for name, tensor in theirs.state_dict().items()
    }
    torch.save({"model": state}, tmp_path / "deit_3_small.pth")
    public = read_public_model(str(tmp_path / "deit_3_small.pth"), Overrides(heads=2))
    assert_same_logits(public, theirs)


def test_labels_are_the_descriptions_where_there_are_such(tmp_path):
    descriptions = {label: f"a {label}" for label in LABELS}
    told = config("vit_tiny_patch16_224", label_descriptions=descriptions)
    saved(tmp_path, told=told)
    assert read_public_model(str(tmp_path)).labels == tuple(descriptions.values())


def test_a_config_that_transformers_wrapped_is_read_too(tmp_path):
    theirs = saved(tmp_path, told=config("vit_tiny_patch16_224", model_type="timm_wrapper"))
    state = {f"timm_model.{name}": tensor for name, tensor in theirs.state_dict().items()}
    save_file(state, tmp_path / "model.safetensors")
    assert read_public_model(str(tmp_path)).shape.width == 24


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("swin_tiny_patch4_window7_224", "shifted windows"),
        ("convnext_tiny", "convolutional network"),
        ("beit_base_patch16_224", "relative position biases"),
        ("vit_base_patch16_siglip_224", "pools by attention"),
        ("vit_base_patch16_clip_quickgelu_224", "quick_gelu"),
        ("vit_giant_patch14_dinov2", "SwiGLU"),
        ("vit_giant_patch14_reg4_dinov2.lvd142m", "SwiGLU"),
        ("vit_small_patch16_dinov3", "rotary"),
        ("vit_base_patch16_rope_reg1_gap_256", "rotary"),
        ("vit_base_patch16_xp_224", "normalises queries and keys"),
        ("vit_relpos_base_patch16_224", "relative position biases"),
        ("vit_base_patch16_rpn_224", "normalise after the residual branch"),
        ("vit_small_patch16_18x2_224", "in parallel"),
        ("vit_pwee_patch16_reg1_gap_256", "in parallel"),
        ("vit_dwee_patch16_reg1_gap_256", "difference of two"),
        ("vit_small_r26_s32_224", "convolutional stem"),
        ("vit_tiny_r_s16_p8_224", "convolutional stem"),
        ("vit_base_r50_s16_224", "convolutional stem"),
        ("vit_base_mci_224", "convolutional stem"),
        ("vit_so150m_patch16_reg4_map_256", "pools by attention"),
        ("vit_intern300m_patch14_448", "no final norm"),
        ("pvt_v2_b0", "pyramid"),
        ("cvt_13", "only plain Vision Transformers"),
        ("vit_colossal_patch16_224", "not a plain ViT of timm's that is known here"),
    ],
)
def test_what_cannot_be_served_is_refused_by_name_with_the_reason(name, reason, tmp_path):
    saved(tmp_path, told=config(name))
    with pytest.raises(InvalidInput) as refused:
        read_public_model(str(tmp_path))
    assert name.partition(".")[0] in refused.value.detail
    assert reason in refused.value.detail


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ("blocks.0.attn.q_norm.weight", "normalises queries and keys"),
        ("blocks.0.attn.relative_position_bias_table", "relative position biases"),
        ("blocks.0.attn.q_bias", "BEiT or EVA"),
        ("attn_pool.latent", "pools by attention"),
        ("rope.freqs", "rotary"),
        ("blocks.0.mlp.w12.weight", "SwiGLU"),
        ("patch_embed.backbone.stem.conv.weight", "convolutional stem"),
        ("blocks.0.attns.0.norm.weight", "in parallel"),
        ("blocks.0.mlp.norm.weight", "further norms"),
    ],
)
def test_a_bare_file_that_cannot_be_served_is_refused_by_its_tensors(extra, reason, tmp_path):
    state = {**timm_reference().state_dict(), extra: torch.zeros(4)}
    save_file(state, tmp_path / "weights.safetensors")
    with pytest.raises(InvalidInput) as refused:
        read_public_model(str(tmp_path / "weights.safetensors"), Overrides(heads=2))
    assert reason in refused.value.detail
    assert extra in refused.value.detail


def test_a_gated_feed_forward_is_told_by_its_sizes(tmp_path):
    state = timm_reference().state_dict()
    for index in range(2):
        state[f"blocks.{index}.mlp.fc1.weight"] = torch.zeros(80, 24)
        state[f"blocks.{index}.mlp.fc1.bias"] = torch.zeros(80)
    save_file(state, tmp_path / "weights.safetensors")
    with pytest.raises(InvalidInput, match="SwiGLU"):
        read_public_model(str(tmp_path / "weights.safetensors"), Overrides(heads=2))


def test_everything_that_is_wrong_with_the_tensors_is_told_at_once(tmp_path):
    saved(tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    del state["blocks.1.norm2.weight"]
    state["blocks.1.attn.proj.bias"] = torch.zeros(25)
    state["stranger"] = torch.zeros(2)
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(InvalidInput) as refused:
        read_public_model(str(tmp_path))
    assert {error.pointer: error.detail for error in refused.value.errors} == {
        "blocks.1.norm2.weight": "expected 24, got nothing",
        "blocks.1.attn.proj.bias": "expected 24, got 25",
        "stranger": "not expected, got 2",
    }


def test_tensors_of_something_else_name_what_a_vit_has(tmp_path):
    save_file({"patch_embed.proj.weight": torch.zeros(24, 1, 8, 4)}, tmp_path / "w.safetensors")
    with pytest.raises(InvalidInput) as refused:
        read_public_model(str(tmp_path / "w.safetensors"))
    told = {error.pointer for error in refused.value.errors}
    assert {"channels", "patches", "pos_embed", "blocks.0.attn.qkv.weight"} <= told


def test_a_block_with_a_number_out_of_order_is_no_reason_to_make_room_for_all_before_it(tmp_path):
    state = {**timm_reference().state_dict(), "blocks.999999999.norm1.weight": torch.zeros(24)}
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(InvalidInput, match=r"blocks\.999999999\.norm1\.weight: not expected"):
        read_public_model(str(tmp_path / "w.safetensors"), Overrides(heads=2))


def test_an_image_size_of_too_many_patches_is_refused(tmp_path):
    saved(tmp_path)
    with pytest.raises(InvalidInput, match=r"more than 65,536"):
        read_public_model(str(tmp_path), Overrides(image_size=8000))


def test_positions_that_are_no_square_are_refused(tmp_path):
    state = timm_reference().state_dict()
    state["pos_embed"] = torch.zeros(1, 21, 24)
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(InvalidInput, match="has 21 rows in pos_embed; expected a square"):
        read_public_model(str(tmp_path / "w.safetensors"), Overrides(heads=2))


def test_a_model_without_a_final_norm_is_refused(tmp_path):
    state = timm_reference().state_dict()
    del state["norm.weight"], state["norm.bias"]
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(InvalidInput, match="no final norm"):
        read_public_model(str(tmp_path / "w.safetensors"), Overrides(heads=2))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"global_pool": "map"}, "pools by attention"),
        ({"global_pool": "avgmax"}, "global_pool is 'avgmax'"),
        ({"model_args": {"act_layer": "quick_gelu"}}, "act_layer: 'quick_gelu' is not served"),
        ({"model_args": {"qk_norm": True}}, "qk_norm: True is not served"),
        ({"model_args": {"novelty": 3}}, "novelty: 3, and it is not known"),
    ],
)
def test_what_a_config_asks_for_and_is_not_served_is_refused(changes, told, tmp_path):
    saved(tmp_path, told=config("vit_tiny_patch16_224", **changes))
    with pytest.raises(InvalidInput) as refused:
        read_public_model(str(tmp_path))
    assert told in refused.value.detail
