"""Which bundles a folder holds, in which order they answer, and what shows that they changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.bundle_folder import (
    by_name_latest_first,
    find_bundles,
    fingerprints,
    stated_name_and_version,
)
from service.contract import CONTRACT_FILE
from service.errors import ContractError

OLDEST_TO_LATEST = ["1-rc1", "1", "1.0", "1.0.1", "1.9", "1.10", "2-alpha", "2-beta", "2", "10"]


@settings(deadline=None, max_examples=30)
@given(versions=st.permutations(OLDEST_TO_LATEST))
def test_versions_are_ordered_by_their_numbers(versions) -> None:
    ordered = by_name_latest_first(versions, lambda version: ("model", version))
    assert ordered == OLDEST_TO_LATEST[::-1]


def test_names_come_before_versions() -> None:
    pairs = [("b", "2"), ("a", "1"), ("b", "10"), ("a", "3")]
    ordered = by_name_latest_first(pairs, lambda pair: pair)
    assert ordered == [("a", "3"), ("a", "1"), ("b", "10"), ("b", "2")]


def test_bundles_are_found_by_name_the_latest_version_first(tmp_path: Path) -> None:
    for name in ("b/1", "a/9", "a/10", ".hidden/1", "a/.11-partial", "a/empty"):
        (tmp_path / name).mkdir(parents=True)
        if name != "a/empty":
            (tmp_path / name / CONTRACT_FILE).touch()
    assert find_bundles(tmp_path) == [tmp_path / name for name in ("a/10", "a/9", "b/1")]


def test_a_bundle_is_found_in_itself(tmp_path: Path) -> None:
    (tmp_path / CONTRACT_FILE).touch()
    assert find_bundles(tmp_path) == [tmp_path]


def test_a_folder_that_does_not_exist_holds_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="holds no bundle; expected NAME/VERSION"):
        find_bundles(tmp_path / "none")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny" / "1"
    folder.mkdir(parents=True)
    (folder / CONTRACT_FILE).write_text('{"name": "tiny", "version": "1"}')
    (folder / "weights").write_bytes(bytes(10))
    return folder


def longer(bundle: Path) -> None:
    with (bundle / "weights").open("ab") as weights:
        weights.write(b"more")


def touched(bundle: Path) -> None:
    os.utime(bundle / "weights", ns=(1, 1))


def put_in_its_place(bundle: Path) -> None:
    stat = (bundle / "weights").stat()
    (bundle / "other").write_bytes(bytes(10))
    os.utime(bundle / "other", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    (bundle / "other").replace(bundle / "weights")


def joined_by_another(bundle: Path) -> None:
    (bundle / "another").touch()


@pytest.mark.parametrize("change", [longer, touched, put_in_its_place, joined_by_another])
def test_a_file_that_was_changed_gives_another_fingerprint(bundle: Path, change) -> None:
    before = fingerprints(bundle.parents[1])
    assert before == fingerprints(bundle.parents[1])
    change(bundle)
    assert before[bundle] != fingerprints(bundle.parents[1])[bundle]


def test_a_bundle_that_is_gone_has_no_fingerprint(bundle: Path) -> None:
    shutil.rmtree(bundle)
    assert fingerprints(bundle.parents[1]) == {}


def test_a_bundle_is_named_by_its_contract(bundle: Path) -> None:
    moved = bundle.rename(bundle.with_name("old"))
    assert stated_name_and_version(moved) == ("tiny", "1")


@pytest.mark.parametrize("broken", ["", "{}", "[]", '{"name": "tiny"}', "\xff"])
def test_a_bundle_with_a_broken_contract_is_named_by_its_folder(bundle: Path, broken) -> None:
    (bundle / CONTRACT_FILE).write_text(broken, encoding="latin-1")
    assert stated_name_and_version(bundle.rename(bundle.with_name("2"))) == ("tiny", "2")
