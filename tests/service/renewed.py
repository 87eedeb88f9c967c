"""Bundles that are the same model by another contract: another digest, in no time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from service.bundle import file_digest
from service.contract import CONTRACT_FILE


def copy_as(bundle: Path, bundles: Path, name: str, version: str) -> Path:
    """Copy a bundle to NAME/VERSION of a folder; it is there at once, as operators should do it."""
    partial = bundles / name / f".{version}"
    shutil.copytree(bundle, partial)
    rewrite(partial, lambda contract: contract.update(name=name, version=version))
    return partial.rename(bundles / name / version)


def renew(bundle: Path, commit: str) -> str:
    """Name another commit in a bundle's contract, and give the bundle's digest."""
    return rewrite(bundle, lambda contract: contract["provenance"].update(commit=commit))


def rewrite(bundle: Path, change: Callable[[dict[str, Any]], object]) -> str:
    """Change a bundle's contract at once, as another file, and give the bundle's digest."""
    contract = json.loads((bundle / CONTRACT_FILE).read_text())
    change(contract)
    partial = bundle.parent / f".{bundle.name.strip('.')}.json"
    partial.write_text(json.dumps(contract))
    partial.replace(bundle / CONTRACT_FILE)
    return digest_of(bundle)


def digest_of(bundle: Path) -> str:
    """Give the digest that answers name."""
    return file_digest(bundle / CONTRACT_FILE)
