"""The list of an image's contents: Python's packages as CycloneDX has them, and Debian's."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.docker.folder import DOCKER

STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u10
Description: C library
 of several lines: not a field

Package: libssl3
Status: install ok installed
Architecture: amd64
Version: 1:3.0.15-1~deb12u1

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""
PYTHON = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "metadata": {},
    "components": [
        {"bom-ref": "a", "type": "library", "name": "vitrine", "version": "1.2.3"},
        {"bom-ref": "b", "type": "library", "name": "numpy", "version": "2.4.6"},
    ],
}


@pytest.fixture(scope="module")
def bom(tmp_path_factory) -> dict:
    status = tmp_path_factory.mktemp("dpkg") / "status"
    status.write_text(STATUS)
    ended = subprocess.run(
        [sys.executable, DOCKER / "sbom.py", status],
        input=json.dumps(PYTHON),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ended.stdout)


def test_what_python_has_stays(bom) -> None:
    assert bom["components"][:2] == PYTHON["components"]


def test_installed_packages_of_debian_are_added_and_no_others(bom) -> None:
    added = [(item["name"], item["version"]) for item in bom["components"][2:]]
    assert added == [("libc6", "2.36-9+deb12u10"), ("libssl3", "1:3.0.15-1~deb12u1")]


def test_a_package_of_debian_has_the_url_that_scanners_know_it_by(bom) -> None:
    libc, ssl = bom["components"][2:]
    assert libc["purl"] == "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64"
    assert ssl["purl"] == "pkg:deb/debian/libssl3@1%3A3.0.15-1~deb12u1?arch=amd64"


def test_the_whole_is_a_container_of_vitrines_version(bom) -> None:
    whole = bom["metadata"]["component"]
    assert (whole["type"], whole["name"], whole["version"]) == ("container", "vitrine", "1.2.3")


def test_references_are_unique(bom) -> None:
    references = [item["bom-ref"] for item in (*bom["components"], bom["metadata"]["component"])]
    assert len(references) == len(set(references))
