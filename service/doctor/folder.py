"""What lies in the folder of bundles besides bundles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from service.bundle_folder import present_bundles
from service.contract import CONTRACT_FILE
from service.doctor.check import Check


def folder(bundles: Path) -> Iterator[Check]:
    """Count the bundles, and warn of folders that look like halves of one."""
    if not bundles.is_dir():
        remedy = "give an existing folder as --bundles"
        yield Check("bundles", "error", f"{bundles} is no folder that can be read", remedy)
        return
    present = present_bundles(bundles)
    yield _counted(bundles, len(present))
    if present == [bundles]:
        return
    for path in sorted(bundles.glob("[!.]*/[!.]*/")):
        if not (path / CONTRACT_FILE).is_file() and path.is_dir():
            yield _half_written(path)


def _counted(bundles: Path, number: int) -> Check:
    if number:
        noun = "bundle" if number == 1 else "bundles"
        facts = {"folder": str(bundles), "bundles": number}
        found = f"{bundles} holds {number} {noun}"
        return Check("bundles", "ok", found, facts=facts)
    if list(bundles.glob(f"[!.]*/{CONTRACT_FILE}")):
        found = f"{bundles} holds versions, and no NAME/VERSION/{CONTRACT_FILE}"
        return Check("bundles", "error", found, f"set --bundles to {bundles.absolute().parent}")
    found = f"{bundles} holds no bundle; expected NAME/VERSION/{CONTRACT_FILE}"
    return Check("bundles", "error", found, "make one with 'vitrine-model export'")


def _half_written(path: Path) -> Check:
    files = sum(1 for _ in path.iterdir())
    found = f"{path} has {files} files and no {CONTRACT_FILE}: it is passed over"
    remedy = f"finish copying it, or remove it; copy into {path.parent}/.{path.name} and rename it"
    return Check("bundles", "warning", found, remedy, {"folder": str(path)})
