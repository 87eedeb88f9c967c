"""Which bundles a folder holds, and in which order they answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.bundle_folder import by_name_latest_first, find_bundles
from service.contract import CONTRACT_FILE
from service.errors import ContractError, ModelNotReady
from service.registry import Registry

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


def test_an_empty_registry_is_not_ready() -> None:
    registry = Registry()
    assert not registry.is_ready
    with pytest.raises(ModelNotReady, match="try again"):
        registry.get()
