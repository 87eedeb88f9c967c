"""Models that come, go and are replaced while the service runs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.errors import BundlesRefused, ModelNotFound, ModelNotReady, NothingToRollBackTo
from tests.service.admin import with_admin_key
from tests.service.live import Live, serving
from tests.service.pictures import draw, encode
from tests.service.problems import assert_problem
from tests.service.renewed import copy_as, digest_of, renew, rewrite

PNG = encode(draw())


@dataclass(frozen=True)
class Shelf:
    """A server and the folder that it serves, where each test has a name of its own."""

    server: Live
    folder: Path
    bundle: Path
    name: str

    def put(self, version: str) -> Path:
        return copy_as(self.bundle, self.folder, self.name, version)

    def post(self, action: str = "reload", **query: str):
        return self.server.client.post(f"/models/{self.name}/{action}", params=query)

    def reload(self, **query: str) -> dict:
        response = self.post(**query)
        assert response.status_code == 200, response.text
        return response.json()

    def answering(self, **query: str) -> tuple[str, str]:
        response = self.server.client.post(
            "/classify", params={"model": self.name, **query}, content=PNG
        )
        assert response.status_code == 200, response.text
        model = response.json()["model"]
        assert model["name"] == self.name
        return model["version"], model["digest"]

    def states(self) -> dict[str, str]:
        listed = self.server.client.get("/models").json()
        return {one["version"]: one["state"] for one in listed if one["name"] == self.name}


@pytest.fixture(scope="module")
def folder(tiny_bundle: Path, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("shelf")
    copy_as(tiny_bundle, folder, "tiny", "1")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Live]:
    with serving(folder, default_model="tiny", **with_admin_key(folder)) as server:
        yield server


@pytest.fixture
def shelf(server: Live, folder: Path, tiny_bundle: Path, request) -> Iterator[Shelf]:
    name = f"model-{abs(hash(request.node.name)) % 10**9}"
    yield Shelf(server, folder, tiny_bundle, name)
    shutil.rmtree(folder / name, ignore_errors=True)


def item(bundle: Path) -> dict[str, str]:
    return {"version": bundle.name, "digest": digest_of(bundle)}


def test_a_name_that_is_new_on_disk_is_added(shelf: Shelf) -> None:
    one, two = shelf.put("1"), shelf.put("2")
    answer = shelf.reload()
    assert answer == {
        "name": shelf.name,
        "added": [item(two), item(one)],
        "replaced": [],
        "retired": [],
        "kept": [],
        "latest": item(two),
    }
    assert shelf.answering() == ("2", digest_of(two))
    assert shelf.answering(version="1") == ("1", digest_of(one))


def test_what_is_new_changed_gone_and_the_same_is_told_apart(shelf: Shelf) -> None:
    gone, changed, same = shelf.put("1"), shelf.put("2"), shelf.put("3")
    shelf.reload()
    old, left = item(changed), item(gone)
    shutil.rmtree(gone)
    renew(changed, "another")
    new = shelf.put("4")
    answer = shelf.reload()
    assert answer["added"] == [item(new)]
    assert answer["replaced"] == [{**item(changed), "previous_digest": old["digest"]}]
    assert answer["retired"] == [left]
    assert answer["kept"] == [item(same)]
    assert shelf.answering() == ("4", digest_of(new))
    assert shelf.answering(version="2") == ("2", digest_of(changed))
    response = shelf.server.client.post(f"/classify?model={shelf.name}&version=1", content=PNG)
    assert_problem(response, ModelNotFound, f"{shelf.name} version 1", f"{shelf.name} 4")


def test_a_reload_of_one_version_leaves_the_others_alone(shelf: Shelf) -> None:
    one, two = shelf.put("1"), shelf.put("2")
    shelf.reload()
    old = digest_of(two)
    renew(one, "another")
    renew(two, "another")
    answer = shelf.reload(version="1")
    assert [replaced["version"] for replaced in answer["replaced"]] == ["1"]
    assert answer["kept"] == answer["retired"] == answer["added"] == []
    assert shelf.answering(version="1") == ("1", digest_of(one))
    assert shelf.answering() == ("2", old)


def test_a_name_whose_folder_is_gone_is_retired_and_no_longer_measured(shelf: Shelf) -> None:
    one = shelf.put("1")
    shelf.reload()
    digest = digest_of(one)
    assert f'digest="{digest}"' in shelf.server.client.get("/metrics").text
    shutil.rmtree(one.parent)
    answer = shelf.reload()
    assert [retired["digest"] for retired in answer["retired"]] == [digest]
    assert answer["latest"] is None
    assert shelf.name not in {model["name"] for model in shelf.server.client.get("/models").json()}
    assert f'digest="{digest}"' not in shelf.server.client.get("/metrics").text


def test_a_bundle_that_was_moved_is_opened_where_it_lies_now(shelf: Shelf) -> None:
    one = shelf.put("1")
    shelf.reload()
    one.rename(one.with_name("first"))
    (replaced,) = shelf.reload()["replaced"]
    assert replaced["digest"] == replaced["previous_digest"]
    query = {"model": shelf.name, "method": "rollout"}  # opens a file that was not yet open
    assert shelf.server.client.post("/explain", params=query, content=PNG).status_code == 200


def test_a_name_that_is_neither_served_nor_in_the_folder_is_not_found(shelf: Shelf) -> None:
    problem = assert_problem(shelf.post(), ModelNotFound, shelf.name, str(shelf.folder), "reload")
    assert problem["status"] == 404
    shelf.put("1")
    assert_problem(shelf.post(version="7"), ModelNotFound, f"{shelf.name} version 7")
    assert shelf.name not in shelf.server.client.get("/metrics").text


def test_broken_bundles_are_all_named_and_change_nothing(shelf: Shelf) -> None:
    good = shelf.put("1")
    shelf.reload()
    old = digest_of(good)
    renew(good, "another")
    shelf.put("2").joinpath("weights.safetensors").write_bytes(b"cut off")
    rewrite(shelf.put("3"), lambda contract: contract.update(labels=["cat"], colour="blue"))
    problem = assert_problem(shelf.post(), BundlesRefused, "weights.safetensors", "/colour")
    assert problem["status"] == 422
    assert problem["type"] == "urn:vitrine:problem:contract-error"
    assert {error["pointer"] for error in problem["errors"]} == {
        f"/{shelf.name}/2/files/weights.safetensors",
        f"/{shelf.name}/3/labels",
        f"/{shelf.name}/3/colour",
    }
    assert shelf.answering() == ("1", old)
    assert shelf.server.client.get("/health/ready").status_code == 200


def test_a_bundle_that_gives_other_numbers_than_golden_is_refused(shelf: Shelf) -> None:
    one = shelf.put("1")
    shelf.reload()
    old = digest_of(one)
    rewrite(one, lambda contract: contract["preprocessing"].update(mean=[0.1, 0.2, 0.3]))
    assert_problem(shelf.post(), BundlesRefused, "golden pixel values are off")
    assert shelf.answering() == ("1", old)


def test_a_served_bundle_whose_files_were_damaged_is_refused_and_goes_on(shelf: Shelf) -> None:
    one = shelf.put("1")
    shelf.reload()
    (one / "attend.onnx").unlink()
    assert_problem(shelf.post(), BundlesRefused, "attend.onnx: the file is missing")
    assert shelf.answering() == ("1", digest_of(one))


def test_the_default_model_is_not_retired(shelf: Shelf) -> None:
    tiny, aside = shelf.folder / "tiny", shelf.folder / ".tiny"
    tiny.rename(aside)
    try:
        shelf.put("1")
        shelf.reload()
        response = shelf.server.client.post("/models/tiny/reload")
        assert_problem(response, BundlesRefused, "default_model 'tiny' is not served")
        assert shelf.server.client.post("/classify", content=PNG).json()["model"]["name"] == "tiny"
    finally:
        aside.rename(tiny)


def test_the_last_model_is_not_retired(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = copy_as(tiny_bundle, tmp_path / "bundles", "tiny", "1")
    with serving(tmp_path / "bundles", **with_admin_key(tmp_path / "bundles")) as server:
        bundle.rename(tmp_path / "aside")
        response = server.client.post("/models/tiny/reload")
        assert_problem(response, BundlesRefused, "no model would be left to serve", "put a bundle")
        assert server.client.post("/classify", content=PNG).status_code == 200


def test_reloads_are_counted_by_outcome(shelf: Shelf) -> None:
    def counted(outcome: str) -> float:
        return shelf.server.metric("vitrine_reloads_total", model=shelf.name, outcome=outcome)

    bundle = shelf.put("1")
    shelf.reload()
    assert (counted("succeeded"), counted("refused")) == (1, 0)
    (bundle / "golden.npz").unlink()
    shelf.post()
    assert (counted("succeeded"), counted("refused")) == (1, 1)


def test_before_the_models_are_loaded_there_is_nothing_to_reload(tmp_path: Path) -> None:
    with serving(
        tmp_path, **with_admin_key(tmp_path)
    ) as server:  # an empty folder: it never gets ready
        assert_problem(server.client.post("/models/tiny/reload"), ModelNotReady, "try again")


def test_a_roll_back_lets_the_version_before_answer(shelf: Shelf) -> None:
    one, two = shelf.put("1"), shelf.put("2")
    shelf.reload()
    answer = shelf.post("rollback").json()
    assert answer == {"name": shelf.name, "withdrawn": item(two), "latest": item(one)}
    assert shelf.answering() == ("1", digest_of(one))
    assert shelf.answering(version="2") == ("2", digest_of(two))
    assert shelf.states() == {"2": "withdrawn", "1": "served"}


def test_what_was_rolled_back_stays_so_until_it_is_reloaded_by_its_version(shelf: Shelf) -> None:
    shelf.put("1")
    shelf.put("2")
    shelf.reload()
    shelf.post("rollback")
    assert shelf.reload()["latest"]["version"] == "1"
    assert shelf.reload(version="2")["latest"]["version"] == "2"
    assert shelf.states() == {"2": "served", "1": "served"}


def test_there_is_no_roll_back_to_a_bundle_that_was_replaced_in_place(shelf: Shelf) -> None:
    bundle = shelf.put("1")
    shelf.reload()
    renew(bundle, "another")
    shelf.reload()
    assert_problem(
        shelf.post("rollback"), NothingToRollBackTo, "put the bundle to go back to", "and reload"
    )
    assert shelf.answering() == ("1", digest_of(bundle))
