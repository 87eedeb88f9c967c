"""Adds Debian's packages to a list of what is installed: CycloneDX in JSON, read and written.

Usage: python3 sbom.py /var/lib/dpkg/status < PYTHON.json > ALL.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path
from typing import Any
from urllib.parse import quote


def installed(status: str) -> Iterator[dict[str, str]]:
    """Give the name, version and architecture of each installed package of dpkg's status file."""
    parser = HeaderParser()
    for paragraph in status.strip().split("\n\n"):
        fields = parser.parsestr(paragraph)
        if fields["Status"].split()[-1] == "installed":
            yield {key: fields[key] for key in ("package", "version", "architecture")}


def component(package: dict[str, str]) -> dict[str, str]:
    """Give a Debian package as a component, under the name that scanners know it by."""
    name, version = package["package"], package["version"]
    purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={package['architecture']}"
    return {"bom-ref": purl, "type": "library", "name": name, "version": version, "purl": purl}


def complete(bom: dict[str, Any], status: str) -> dict[str, Any]:
    """Give the list with Debian's packages, as the list of a container of Vitrine's version."""
    found: list[dict[str, Any]] = bom["components"]
    version = next(item["version"] for item in found if item["name"] == "vitrine")
    whole = {"bom-ref": "image", "type": "container", "name": "vitrine", "version": version}
    bom["metadata"]["component"] = whole
    bom["components"] = found + [component(package) for package in installed(status)]
    return bom


def main() -> None:
    """Read, add and write."""
    bom = complete(json.load(sys.stdin), Path(sys.argv[1]).read_text())
    json.dump(bom, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
