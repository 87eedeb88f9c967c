"""Whatever a config holds in whatever place, it is read or refused, and nothing else happens."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from model.pretrained.conversion import read_public_model
from model.pretrained.overrides import Overrides
from service.errors import InvalidInput
from tests.model.pretrained.saved import KINDS, saved
from tests.model.pretrained.test_timm import saved as timm_saved

JUNK = (
    None,
    True,
    0,
    -3,
    1.5,
    10**9,
    "",
    "text",
    [],
    [1],
    [0, "x"],
    {},
    {"a": 1},
    [[]],
    [None, None],
)
many = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
junk = st.sampled_from(JUNK)


def sources(tmp_path):
    """Give a folder of each library's, whole."""
    folders = tmp_path / "vit", tmp_path / "dinov2", tmp_path / "timm"
    saved(KINDS["ViT"], folders[0])
    saved(KINDS["DINOv2"], folders[1])
    folders[2].mkdir()
    timm_saved(folders[2])
    for folder in folders[:2]:
        processor = {
            "image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 40},
            "crop_size": 32, "resample": 3, "image_mean": [0.5] * 3, "image_std": [0.5] * 3,
            "do_resize": True, "rescale_factor": 0.1,
        }  # fmt: skip
        (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folders


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return sources(tmp_path_factory.mktemp("whole"))


def broken(folder, file, key, value, tmp_path):
    """Put a value into a copy of a folder's file; a dot leads inside."""
    told = json.loads((folder / file).read_text())
    *outer, last = key.split(".")
    inside = told
    for name in outer:
        inside = inside[name]
    inside[last] = value
    for name in ("config.json", "preprocessor_config.json", "model.safetensors"):
        if (folder / name).exists():
            target = tmp_path / name
            target.unlink(missing_ok=True)
            target.symlink_to(folder / name)
    (tmp_path / file).unlink()
    (tmp_path / file).write_text(json.dumps(told))


KEYS = [
    *(("vit", "config.json", key) for key in (
        "model_type", "architectures", "hidden_size", "num_hidden_layers", "num_attention_heads",
        "intermediate_size", "image_size", "patch_size", "num_channels", "hidden_act",
        "layer_norm_eps", "qkv_bias", "id2label", "num_labels",
    )),
    *(("dinov2", "config.json", key) for key in (
        "mlp_ratio", "layerscale_value", "use_swiglu_ffn", "image_size", "patch_size",
    )),
    *(("vit", "preprocessor_config.json", key) for key in (
        "image_processor_type", "size", "crop_size", "resample", "image_mean", "image_std",
        "do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_magic", "rescale_factor",
        "crop_pct",
    )),
    *(("timm", "config.json", key) for key in (
        "architecture", "num_classes", "global_pool", "pretrained_cfg", "model_args", "label_names",
        "label_descriptions", "model_args.num_heads", "model_args.act_layer",
        "pretrained_cfg.input_size", "pretrained_cfg.crop_pct", "pretrained_cfg.crop_mode",
        "pretrained_cfg.interpolation", "pretrained_cfg.mean", "pretrained_cfg.std",
    )),
]  # fmt: skip


@many
@example(place=("vit", "config.json", "num_hidden_layers"), value=10**9)
@example(place=("vit", "config.json", "image_size"), value=10**9)
@example(place=("timm", "config.json", "pretrained_cfg.input_size"), value=[3, 10**9, 10**9])
@given(place=st.sampled_from(KEYS), value=junk)
def test_a_value_that_does_not_belong_there_is_never_more_than_a_refusal(
    place, value, folders, tmp_path
):
    name, file, key = place
    folder = next(one for one in folders if one.name == name)
    broken(folder, file, key, value, tmp_path)
    for overrides in (Overrides(), Overrides(image_size=32)):
        with suppress(InvalidInput):
            read_public_model(str(tmp_path), overrides)


def test_the_folders_that_are_broken_here_are_whole_before(folders):
    for folder in folders:
        assert read_public_model(str(folder), Overrides(image_size=32)).has_head
