"""Keys in a secret, changed as Kubernetes changes it under a running pod."""

from __future__ import annotations

import os
import time
from pathlib import Path

from service.keys import CHECK_SECONDS, KeyRing, add_key
from tests.docker.chart import helm
from tests.docker.pods import service_of, variables


def project(folder: Path, version: str, keys: Path) -> None:
    """Lay a file as kubelet does: behind a link to a folder, which is exchanged at once."""
    (folder / version).mkdir()
    (folder / version / "keys.txt").write_bytes(keys.read_bytes())
    os.symlink(version, folder / "..new")
    os.rename(folder / "..new", folder / "..data")
    if not (folder / "keys.txt").is_symlink():
        os.symlink("..data/keys.txt", folder / "keys.txt")


def test_the_file_lies_in_a_folder_that_kubernetes_renews() -> None:
    pod = helm().pod("keys")
    container = service_of(pod)
    assert variables(container)["VITRINE_API_KEYS_FILE"] == "/keys/keys.txt"
    (mount,) = container["volumeMounts"]
    assert mount == {"name": "keys", "mountPath": "/keys", "readOnly": True}  # and no subPath
    assert pod["volumes"] == [{"name": "keys", "secret": {"secretName": "vitrine-keys"}}]


def test_a_secret_that_changes_changes_the_keys_without_a_restart(tmp_path) -> None:
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    old = add_key(tmp_path / "old.txt", "lab", "use")
    new = add_key(tmp_path / "new.txt", "lab", "use")
    project(mounted, "..1", tmp_path / "old.txt")
    ring = KeyRing(mounted / "keys.txt")
    assert ring.find(old)
    project(mounted, "..2", tmp_path / "new.txt")
    time.sleep(CHECK_SECONDS)
    assert ring.find(new)
    assert ring.find(old) is None
