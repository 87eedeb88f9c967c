"""Bundles that are opened before they are asked for, while the command imports what serves them."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path

import pytest

from service.errors import ContractError
from service.opening import EarlyOpening, open_early
from service.settings import Settings

PATIENCE_SECONDS = 20


class Model:
    """Stands for a model, which is costly to open and to keep."""


@pytest.fixture
def opened() -> list[Path]:
    return []


@pytest.fixture
def open_bundle(opened):
    def open_one(bundle: Path) -> Model:
        opened.append(bundle)
        return Model()

    return open_one


def test_opening_goes_on_before_anybody_asks(tiny_bundles, tiny_bundle) -> None:
    is_open = threading.Event()
    early = EarlyOpening(tiny_bundles, lambda bundle: is_open.set())
    assert is_open.wait(PATIENCE_SECONDS)
    early.open(tiny_bundle)


def test_a_bundle_is_opened_once_and_anew_when_it_is_asked_for_again(
    tiny_bundles, tiny_bundle, open_bundle, opened
) -> None:
    early = EarlyOpening(tiny_bundles, open_bundle)
    first = early.open(tiny_bundle)
    assert opened == [tiny_bundle]
    assert early.open(tiny_bundle) is not first
    assert opened == [tiny_bundle, tiny_bundle]


def test_a_bundle_that_came_later_is_opened_too(tiny_bundle, tmp_path, open_bundle, opened) -> None:
    early = EarlyOpening(tmp_path, open_bundle)
    assert opened == []
    early.open(tiny_bundle)
    assert opened == [tiny_bundle]


def test_a_model_that_is_not_served_any_more_is_kept_by_nobody(
    tiny_bundles, tiny_bundle, open_bundle
) -> None:
    early = EarlyOpening(tiny_bundles, open_bundle)
    model = weakref.ref(early.open(tiny_bundle))
    gc.collect()
    assert model() is None


def test_what_keeps_a_bundle_from_opening_is_told_to_who_asks(tiny_bundles, tiny_bundle) -> None:
    def broken(bundle: Path) -> Model:
        raise ContractError(f"{bundle} is broken")

    early = EarlyOpening(tiny_bundles, broken)
    with pytest.raises(ContractError, match="is broken"):
        early.open(tiny_bundle)


def test_a_folder_that_is_watched_is_opened_after_the_first_look(tiny_bundles, tiny_bundle) -> None:
    assert open_early(Settings(bundles=tiny_bundles, watch_seconds=1)) is None
    early = open_early(Settings(bundles=tiny_bundles, threads=1))
    assert early is not None
    assert early.open(tiny_bundle).contract.name == "tiny"
