"""A folder that is watched: what changes in it is served, what is broken is not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.live import Live, serving
from tests.service.pictures import draw, encode
from tests.service.renewed import copy_as, digest_of, renew
from tests.service.waiting import until

PNG = encode(draw())


@pytest.fixture
def folder(tiny_bundle: Path, tmp_path: Path) -> Path:
    copy_as(tiny_bundle, tmp_path / "bundles", "tiny", "1")
    return tmp_path / "bundles"


@pytest.fixture
def server(folder: Path) -> Iterator[Live]:
    with serving(folder, watch_seconds=0.02) as server:
        yield server


def listed(server: Live) -> dict[str, str]:
    models = server.client.get("/models").json()
    return {f"{model['name']}/{model['version']}": model["digest"] for model in models}


def on_disk(folder: Path) -> dict[str, str]:
    return {
        f"{path.parent.parent.name}/{path.parent.name}": digest_of(path.parent)
        for path in folder.glob("[!.]*/[!.]*/contract.json")
    }


def test_what_changes_in_the_folder_is_served(server: Live, folder: Path, tiny_bundle) -> None:
    copy_as(tiny_bundle, folder, "tiny", "2")
    copy_as(tiny_bundle, folder, "another", "1")
    until(lambda: listed(server) == on_disk(folder))
    assert len(listed(server)) == 3
    renew(folder / "tiny" / "1", "another")
    until(lambda: listed(server) == on_disk(folder))
    shutil.rmtree(folder / "another")
    until(lambda: listed(server) == on_disk(folder))
    assert server.client.post("/classify", content=PNG).json()["model"]["version"] == "2"


def test_a_bundle_that_is_copied_slowly_is_served_once_it_is_whole(
    server: Live, folder: Path, tiny_bundle
) -> None:
    def refused() -> float:
        return server.metric("vitrine_reloads_total", model="tiny", outcome="refused")

    whole = copy_as(tiny_bundle, folder.with_name("elsewhere"), "tiny", "2")
    partial = folder / "tiny" / "2"
    partial.mkdir()
    for file in ("contract.json", "weights.safetensors"):
        before = refused()
        shutil.copy(whole / file, partial)
        until(lambda before=before: refused() > before)
        assert list(listed(server)) == ["tiny/1"]
    for path in whole.iterdir():
        shutil.copy(path, partial)
    until(lambda: listed(server) == on_disk(folder))
    assert server.client.post("/classify", content=PNG).json()["model"]["version"] == "2"


def test_a_broken_bundle_is_reported_once_and_not_again(server, folder, caplog) -> None:
    (folder / "tiny" / "1" / "stray").touch()
    until(lambda: server.metric("vitrine_reloads_total", model="tiny", outcome="refused") == 1)
    other = copy_as(folder / "tiny" / "1", folder, "other", "1")
    (other / "stray").unlink()
    until(lambda: "other/1" in listed(server))  # it has looked again
    assert server.metric("vitrine_reloads_total", model="tiny", outcome="refused") == 1
    told = [record for record in caplog.records if "reload of tiny refused" in record.message]
    assert [record.levelname for record in told] == ["ERROR"]
    assert server.client.post("/classify", content=PNG).status_code == 200
