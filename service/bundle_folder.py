"""The folder of bundles: what it holds, in which order it answers, and what changed in it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, TypeVar

from service.contract import CONTRACT_FILE
from service.errors import ContractError

Item = TypeVar("Item")


class FileMark(NamedTuple):
    """What tells, without reading it, that a file is another one than before."""

    name: str
    modified_ns: int
    size: int
    inode: int


Fingerprint = frozenset[FileMark]


def by_name_latest_first(
    items: Iterable[Item], name_and_version: Callable[[Item], tuple[str, str]]
) -> list[Item]:
    """Sort by name, and within a name from the latest version to the oldest."""
    latest_first = sorted(
        items, key=lambda item: _version_order(name_and_version(item)[1]), reverse=True
    )
    return sorted(latest_first, key=lambda item: name_and_version(item)[0])


def _version_order(version: str) -> list[tuple[int, int, str]]:
    """Order 1 < 1.1 < 2-rc1 < 2 < 10: numbers by value, what follows a hyphen before its end."""
    ends, hyphen, text, number = 1, 0, 2, 3
    parts = re.findall(r"\d+|\D+", version)
    ranked = [
        (number, int(part), "")
        if part.isdigit()
        else (hyphen if part.startswith("-") else text, 0, part)
        for part in parts
    ]
    return [*ranked, (ends, 0, "")]


def find_bundles(folder: Path) -> list[Path]:
    """Give the bundles of a folder: NAME/VERSION with a contract, or the folder itself.

    They come by name, the latest version of a name first.

    Raises ContractError when there is none.
    """
    found = present_bundles(folder)
    if not found:
        raise ContractError(
            f"{folder} holds no bundle; expected NAME/VERSION/{CONTRACT_FILE}, "
            "as 'vitrine-model export' writes it"
        )
    return found


def present_bundles(folder: Path) -> list[Path]:
    """Give what `find_bundles` gives, and nothing where there is no bundle."""
    if (folder / CONTRACT_FILE).is_file():
        return [folder]
    found = [path.parent for path in folder.glob(f"[!.]*/[!.]*/{CONTRACT_FILE}")]
    return by_name_latest_first(found, lambda path: (path.parent.name, path.name))


def stated_name_and_version(bundle: Path) -> tuple[str, str]:
    """Give what a contract says it is, read without checking it; what its folder says else."""
    try:
        contract = json.loads((bundle / CONTRACT_FILE).read_bytes())
        return str(contract["name"]), str(contract["version"])
    except (OSError, ValueError, KeyError, TypeError):  # opening it says what is wrong with it
        return bundle.parent.name, bundle.name


def fingerprints(folder: Path) -> dict[Path, Fingerprint]:
    """Take down every bundle's files, which is cheap, so that a later look shows what changed.

    A bundle that is still being copied gets another fingerprint with every look.
    """
    return {bundle: _fingerprint(bundle) for bundle in present_bundles(folder)}


def _fingerprint(bundle: Path) -> Fingerprint:
    try:
        with os.scandir(bundle) as entries:
            return frozenset(_mark(entry.name, entry.stat()) for entry in entries)
    except OSError:  # it goes away at this very moment; the next look sees it gone
        return frozenset()


def _mark(name: str, stat: os.stat_result) -> FileMark:
    return FileMark(name, stat.st_mtime_ns, stat.st_size, stat.st_ino)
