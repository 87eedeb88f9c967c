"""What one worker is told about its models, the others do too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.admin import with_admin_key
from tests.service.live import Live, serving
from tests.service.renewed import copy_as, renew
from tests.service.waiting import until


@pytest.fixture
def folder(tiny_bundle: Path, tmp_path: Path, monkeypatch) -> Path:
    (tmp_path / "shared").mkdir()
    monkeypatch.setenv("VITRINE_SHARED_FOLDER", str(tmp_path / "shared"))
    copy_as(tiny_bundle, tmp_path / "bundles", "tiny", "1")
    return tmp_path / "bundles"


@pytest.fixture
def workers(folder: Path) -> Iterator[tuple[Live, Live]]:
    admin = with_admin_key(folder)
    with serving(folder, **admin) as one, serving(folder, **admin) as other:
        yield one, other


def served(worker: Live) -> list[tuple[str, str, str]]:
    models = worker.client.get("/models").json()
    return [(model["version"], model["digest"], model["state"]) for model in models]


def test_workers_follow_reloads_and_roll_backs_of_each_other(workers, folder, tiny_bundle) -> None:
    one, other = workers
    copy_as(tiny_bundle, folder, "tiny", "2")
    digest = renew(folder / "tiny" / "1", "another")
    assert one.client.post("/models/tiny/reload").status_code == 200
    until(lambda: served(other) == served(one))
    assert [model[0] for model in served(one)] == ["2", "1"]
    assert served(one)[1][1] == digest
    assert other.client.post("/models/tiny/rollback").status_code == 200
    until(lambda: served(one) == served(other))
    assert served(one)[0][2] == "withdrawn"
    with serving(folder, **with_admin_key(folder)) as started_later:
        assert served(started_later) == served(one)
    assert one.client.post("/models/tiny/reload?version=2").status_code == 200
    until(lambda: served(other) == served(one))
    assert served(other)[0][2] == "served"
    for worker in workers:  # nobody followed what it had told itself
        counted = worker.metric("vitrine_reloads_total", model="tiny", outcome="succeeded")
        assert counted == 2
