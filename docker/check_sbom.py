"""Compares the list of contents in the image with what is installed; the image's Python runs it.

Usage: docker run --rm --interactive --entrypoint python vitrine - < check_sbom.py
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import unquote

SBOM = Path("/opt/vitrine/sbom.cdx.json")
Pinned = set[tuple[str, str]]


def listed(components: list[dict[str, str]], kind: str) -> Pinned:
    """Give the names and versions of a kind of package, which its URL must say as well."""
    found = [item for item in components if item["purl"].startswith(f"pkg:{kind}/")]
    for item in found:
        version = unquote(item["purl"].partition("@")[2].partition("?")[0])
        if version != item["version"]:
            sys.exit(f"check_sbom.py: {item['purl']} is not version {item['version']}")
    return {(item["name"], item["version"]) for item in found}


def compare(kind: str, found: Pinned, installed: Pinned) -> None:
    """Say how many packages there are; end the program where the two differ."""
    if found != installed:
        difference = sorted(found ^ installed)
        sys.exit(f"check_sbom.py: {kind}: listed or installed, but not both: {difference}")
    sys.stdout.write(f"{len(installed)} packages of {kind}, each listed in its version\n")


def main() -> None:
    """Compare both kinds of package."""
    components = json.loads(SBOM.read_text())["components"]
    python = {(found.metadata["Name"], found.version) for found in distributions()}
    query = ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package} ${Version}\n"]
    lines = subprocess.run(query, stdout=subprocess.PIPE, text=True, check=True).stdout.split("\n")  # noqa: S603
    debian = [line.split() for line in lines if line.startswith("installed ")]
    compare("Python", listed(components, "pypi"), python)
    compare("Debian", listed(components, "deb"), {(name, version) for _, name, version in debian})


if __name__ == "__main__":
    main()
