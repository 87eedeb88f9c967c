"""A server on a real socket, shared by the tests that leave it as they found it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.bundle import file_digest
from service.contract import CONTRACT_FILE
from tests.service.elsewhere import Elsewhere, elsewhere
from tests.service.live import Live, serving


@pytest.fixture(scope="session")
def live(request: pytest.FixtureRequest) -> Iterator[Live | Elsewhere]:
    if address := request.config.getoption("against"):
        with elsewhere(address) as server:
            yield server
        return
    with serving(request.getfixturevalue("tiny_bundles")) as server:
        yield server


@pytest.fixture
def copy_bundle(tiny_bundle: Path, tmp_path: Path) -> Callable[..., Path]:
    """Copy the tiny bundle to NAME/VERSION, let `change` edit its contract, and state digests."""

    def copy(
        change: Callable[[dict[str, Any]], object] = lambda contract: None,
        *,
        name: str = "tiny",
        version: str = "1",
        files: dict[str, bytes] | None = None,
    ) -> Path:
        folder = tmp_path / "bundles" / name / version
        shutil.copytree(tiny_bundle, folder)
        contract = json.loads((folder / CONTRACT_FILE).read_text())
        contract |= {"name": name, "version": version}
        for file, content in (files or {}).items():
            (folder / file).write_bytes(content)
            contract["files"][file] = file_digest(folder / file)
        change(contract)
        (folder / CONTRACT_FILE).write_text(json.dumps(contract))
        return folder

    return copy
