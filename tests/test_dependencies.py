"""What the extras install is listed, and under licences that are signed off."""

from __future__ import annotations

from importlib.metadata import Distribution, metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.dependencies import COMMAND, Dependency, declared, dependencies, listed, reasons
from tests.licences import ALLOWED, is_signed_off, licence_of


def test_all_that_the_extras_install_is_under_a_licence_that_is_signed_off() -> None:
    problems = [one.problem for one in dependencies() if one.problem]
    assert not problems, "\n".join(problems)


def test_all_that_the_extras_install_is_listed() -> None:
    missing = {one.name for one in dependencies()} - listed()
    assert not missing, f"run {COMMAND} and read what is new: {', '.join(sorted(missing))}"


def test_all_that_pyproject_asks_for_is_listed_with_a_reason() -> None:
    asked = {
        canonicalize_name(Requirement(line).name) for lines in declared().values() for line in lines
    }
    assert asked <= listed()
    assert asked == set(reasons())


@pytest.mark.parametrize("licence", ["", "GPL-3.0-only", "MIT AND LGPL-2.1-only", "(MIT)", "Mine"])
def test_an_unknown_or_copyleft_licence_is_told_with_the_remedy(licence: str) -> None:
    problem = Dependency("newcomer", "1.0", licence, ("cpu",), ("numpy",)).problem
    assert problem
    for words in ("newcomer 1.0 (cpu)", licence or "an unknown licence", "tests/licences.py"):
        assert words in problem


@pytest.mark.parametrize("licence", [*ALLOWED, "MIT AND 0BSD", "GPL-2.0-only OR MIT"])
def test_a_choice_of_allowed_licences_is_signed_off(licence: str) -> None:
    assert is_signed_off("newcomer", licence)


def test_what_is_argued_for_one_distribution_is_not_allowed_for_another() -> None:
    assert is_signed_off("certifi", "MPL-2.0")
    assert not is_signed_off("newcomer", "MPL-2.0")
    assert not is_signed_off("certifi", "GPL-3.0-only")


@pytest.mark.parametrize(
    ("stated", "licence"),
    [
        ("License-Expression: MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("License: Apache 2.0", "Apache-2.0"),
        ("License: MIT License", "MIT"),
        ("Classifier: License :: OSI Approved :: Apache Software License", "Apache-2.0"),
        ("License: Do as you like", "Do as you like"),
        ("Summary: tells nothing", ""),
    ],
)
def test_a_licence_is_read_where_a_distribution_states_it(
    tmp_path: Path, stated: str, licence: str
) -> None:
    folder = tmp_path / "newcomer-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: newcomer\n{stated}\n")
    assert licence_of(Distribution.at(folder)) == licence


def test_vitrine_states_its_own_licence() -> None:
    assert metadata("vitrine")["License-Expression"] == "Apache-2.0"
