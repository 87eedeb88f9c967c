"""Reads a bundle: its contract, and whether its files are those that the contract names."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from service import __version__
from service.contract import CONTRACT_FILE, Contract
from service.errors import ContractError, ErrorDetail
from service.misfit import misfit

UNKNOWN_KEY = (
    f"Vitrine {__version__} does not know this key; "
    "upgrade it if a newer one made the bundle, and take the key out if it is a mistake"
)


@dataclass(frozen=True)
class Bundle:
    """A folder whose contract was read and whose files have the digests that it states."""

    folder: Path
    contract: Contract
    digest: str

    def path(self, file: str) -> Path:
        """Where a file of the bundle lies."""
        return self.folder / file


def file_digest(path: Path) -> str:
    """Give the SHA-256 of a file's content, as contracts state it."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def read_contract(path: Path) -> Contract:
    """Read `contract.json`; ContractError names every key that is wrong, at once."""
    try:
        return Contract.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ContractError(
            f"{path.parent} is not a bundle: it has no {path.name}; "
            "make one with 'vitrine-model export'"
        ) from None
    except ValidationError as error:
        errors = _contract_errors(error)
        listed = "; ".join(map(str, errors))
        raise ContractError(f"{path} is not a valid contract: {listed}", errors) from None


def _contract_errors(error: ValidationError) -> list[ErrorDetail]:
    """Say what is wrong; of another schema only that, since its keys mean nothing here."""
    items = error.errors(include_url=False)
    of_schema = [item for item in items if item["loc"] == ("schema_version",)]
    return [
        ErrorDetail(
            "/" + "/".join(map(str, item["loc"])),
            UNKNOWN_KEY if item["type"] == "extra_forbidden" else misfit(item),
        )
        for item in of_schema or items
    ]


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle and check every file's digest; ContractError names every file that is wrong."""
    contract = read_contract(folder / CONTRACT_FILE)
    errors = [
        ErrorDetail(f"/files/{file}", problem)
        for file, digest in contract.files.items()
        if (problem := _file_problem(folder / file, digest))
    ]
    unlisted = {path.name for path in folder.iterdir()} - {CONTRACT_FILE, *contract.files}
    errors += [
        ErrorDetail(f"/files/{file}", "the folder holds it without a digest; remove it")
        for file in sorted(unlisted)
    ]
    if errors:
        listed = "; ".join(map(str, errors))
        raise ContractError(f"{folder} does not hold what its contract states: {listed}", errors)
    return Bundle(folder, contract, file_digest(folder / CONTRACT_FILE))


def _file_problem(path: Path, digest: str) -> str | None:
    if not path.is_file():
        return "the file is missing; export the bundle again"
    found = file_digest(path)
    if found != digest:
        return f"expected {digest}, found {found}; export the bundle again"
    return None
