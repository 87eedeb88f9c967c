"""What the doctor says of who may ask."""

from __future__ import annotations

import pytest

from service.doctor.access import access
from service.keys import add_key
from service.settings import Settings


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "keys.txt"
    add_key(path, "lab", "use")
    return path


def test_keys_are_counted(keys) -> None:
    add_key(keys, "operator", "admin")
    (found,) = access(Settings(api_keys_file=keys, host="0.0.0.0"))
    assert found.status == "ok"
    assert found.facts == {"file": str(keys), "keys": 2, "admin_keys": 1}


def test_keys_without_an_admin_are_a_warning(keys) -> None:
    (found,) = access(Settings(api_keys_file=keys))
    assert found.status == "warning"
    assert f"vitrine key NAME --admin --file {keys}" in found.remedy


def test_a_file_without_keys_is_a_warning(tmp_path) -> None:
    (tmp_path / "keys.txt").write_text("# none\n")
    (found,) = access(Settings(api_keys_file=tmp_path / "keys.txt"))
    assert (found.status, "nobody may ask" in found.found) == ("warning", True)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_a_warning(keys, mode) -> None:
    keys.chmod(mode)
    *_, found = access(Settings(api_keys_file=keys))
    assert found.status == "warning"
    assert found.remedy == f"chmod go-w {keys}"


def test_a_file_that_others_may_read_is_none_since_it_holds_hashes(keys) -> None:
    add_key(keys, "operator", "admin")
    keys.chmod(0o644)
    assert [found.status for found in access(Settings(api_keys_file=keys))] == ["ok"]


def test_a_missing_file_and_a_broken_line_are_errors(tmp_path, keys) -> None:
    (missing,) = access(Settings(api_keys_file=tmp_path / "none.txt"))
    assert (missing.status, "vitrine key" in missing.found) == ("error", True)
    keys.write_text("my secret key\n")
    (broken,) = access(Settings(api_keys_file=keys))
    assert (broken.status, "line 1" in broken.found) == ("error", True)
    assert "secret" not in broken.found


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", "ok"),
        ("localhost", "ok"),
        ("::1", "ok"),
        ("0.0.0.0", "warning"),
        ("::", "warning"),
        ("vitrine.example.org", "warning"),
    ],
)
def test_an_address_for_all_without_keys_is_a_warning(host, status) -> None:
    (found,) = access(Settings(host=host))
    assert found.status == status
