"""The command with the tiny bundle, and pictures for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.service.bulk.commands import Bulk, draw_archive, draw_folder


@pytest.fixture(scope="session")
def bulk(tiny_bundles: Path) -> Bulk:
    return Bulk(tiny_bundles)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six pictures in two folders; never write into it."""
    folder = tmp_path_factory.mktemp("pictures")
    draw_folder(folder)
    return folder


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip archive of many pictures."""
    return draw_archive(tmp_path_factory.mktemp("archives") / "many.zip", 400)
