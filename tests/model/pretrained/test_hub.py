"""Models that are fetched from the Hugging Face Hub, where there is a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from model.pretrained.conversion import read_public_model
from model.pretrained.hub import hub_name
from service.errors import PackageMissing
from tests.model.pretrained.hub_server import running_hub
from tests.model.pretrained.saved import KINDS, LABELS, saved

READ = """
import json, sys
from model.pretrained.conversion import read_public_model
from service.errors import VitrineError
try:
    public = read_public_model(sys.argv[1])
    print(json.dumps([public.labels, public.provenance["origin"]]))
except VitrineError as error:
    print(json.dumps(error.detail))
"""


def read_in_a_process(name, endpoint, cache):
    """Read a model as a program does that starts with the Hub's address in its environment."""
    environment = {
        **os.environ,
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(cache),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    environment.pop("HF_HUB_OFFLINE", None)
    ended = subprocess.run(
        [sys.executable, "-c", READ, name],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.parametrize("form", ["me/tiny", "hf-hub:me/tiny", "me/tiny@main"])
def test_a_name_on_the_hub_is_fetched_with_the_needed_files_alone(form, tmp_path):
    folder = tmp_path / "remote"
    saved(KINDS["ViT"], folder)
    (folder / "preprocessor_config.json").write_text('{"size": 32}')
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    for name in ("pytorch_model.bin", "tf_model.h5", "other.safetensors"):
        (folder / name).write_bytes(b"never fetched")
    with running_hub("me/tiny", folder) as hub:
        labels, origin = read_in_a_process(form, hub.address, tmp_path / "cache")
    assert tuple(labels) == LABELS
    assert origin["source"] == form.removeprefix("hf-hub:")
    assert origin["licence"] == "mit"
    assert sorted(hub.fetched) == [
        "README.md", "config.json", "model.safetensors", "preprocessor_config.json",
    ]  # fmt: skip


def test_a_name_that_the_hub_does_not_have_says_so(tmp_path):
    (tmp_path / "remote").mkdir()
    with running_hub("me/tiny", tmp_path / "remote") as hub:
        detail = read_in_a_process("me/large", hub.address, tmp_path / "cache")
    assert detail.startswith("me/large is no file or folder here, and the Hub did not give it: ")
    assert "RepositoryNotFoundError" in detail


def test_without_a_network_it_says_what_else_to_give(tmp_path):
    detail = read_in_a_process("me/tiny", "http://127.0.0.1:9", tmp_path / "cache")
    assert detail.startswith("me/tiny is no file or folder here, and the Hub did not give it: ")
    assert detail.endswith("fetch its files where there is a network and give the folder")


def test_without_the_package_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    told = r"huggingface_hub is not installed; run pip install 'vitrine\[train\]', or give a local"
    with pytest.raises(PackageMissing, match=told):
        read_public_model("me/tiny")


@pytest.mark.parametrize(
    ("name", "repository", "revision"),
    [
        ("google/vit-base-patch16-224", "google/vit-base-patch16-224", None),
        ("timm/vit_tiny_patch16_224.augreg_in21k", "timm/vit_tiny_patch16_224.augreg_in21k", None),
        ("hf-hub:timm/vit_tiny", "timm/vit_tiny", None),
        ("hf_hub:timm/vit_tiny@v2", "timm/vit_tiny", "v2"),
        ("https://huggingface.co/me/tiny", "me/tiny", None),
    ],
)
def test_names_have_several_forms(name, repository, revision):
    found = hub_name(name)
    assert found is not None
    assert (found.repository, found.revision) == (repository, revision)


@pytest.mark.parametrize("name", ["tiny", "./me/tiny", "/me/tiny", "me/tiny/more", "me/", ""])
def test_other_names_are_none_of_the_hubs(name):
    assert hub_name(name) is None
