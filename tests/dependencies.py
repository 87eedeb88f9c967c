"""Writes the list of docs/dependencies.md: what each extra installs, its licence, and why.

    python -m tests.dependencies [SITE_PACKAGES ...]

It reads the distributions that are really installed: here, and in the folders that are named, since
`gpu` cannot be installed beside `cpu`. `licences.py` has the licences that are signed off.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from service import __version__
from tests.licences import ALLOWED, ARGUED, is_signed_off, licence_of

CHECKOUT = Path(__file__).parents[1]
PROJECT = CHECKOUT / "pyproject.toml"
LIST = CHECKOUT / "docs" / "dependencies.md"
HEADING = "\n## The list\n"  # what stands below it is written
COMMAND = "python -m tests.dependencies"
EXTRAS = ("cpu", "gpu", "train", "otel", "bulk", "ray")
NAMED = 4  # of those that ask for a distribution
ALWAYS = "always"  # in place of an extra, for what is installed with every one


@dataclass(frozen=True)
class Dependency:
    """A distribution that is installed, with its licence, and who needs it."""

    name: str
    version: str
    licence: str
    extras: tuple[str, ...]
    needed_by: tuple[str, ...]

    @property
    def problem(self) -> str | None:
        """Say why it is not signed off, if it is not."""
        if is_signed_off(self.name, self.licence):
            return None
        return (
            f"{self.name} {self.version} ({', '.join(self.extras)}) is under "
            f"{self.licence or 'an unknown licence'}, which is not signed off: read its licence, "
            "then allow or argue it in tests/licences.py, or do without it"
        )


def declared() -> dict[str, list[str]]:
    """Give the requirements that pyproject.toml states: always, and of each extra."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    return {ALWAYS: project["dependencies"]} | {
        extra: project["optional-dependencies"][extra] for extra in EXTRAS
    }


def reasons() -> dict[str, str]:
    """Give the comments beside the requirements of pyproject.toml, by name."""
    runtime = PROJECT.read_text().partition("\ndev = [")[0]
    found = re.findall(r'^ +"([\w.-]+)[^"]*".*?# (.+)$', runtime, re.MULTILINE)
    return {canonicalize_name(name): reason for name, reason in found}


def dependencies(folders: Iterable[str] = ()) -> list[Dependency]:
    """Give what the extras have installed here and in other folders of site packages, by name."""
    found = {
        canonicalize_name(one.metadata["Name"]): one
        for one in (
            *(one for folder in folders for one in distributions(path=[folder])),
            *distributions(),  # these win
        )
    }
    extras: dict[str, list[str]] = {}
    needed_by: dict[str, set[str]] = {}
    for extra, requirements in declared().items():
        for name, others in _needed(requirements, found).items():
            extras.setdefault(name, []).append(extra)
            needed_by.setdefault(name, set()).update(others)
    return [
        Dependency(
            name,
            found[name].version,
            licence_of(found[name]),
            tuple(extras[name]),
            tuple(sorted(needed_by[name])),
        )
        for name in sorted(extras)
    ]


def _needed(requirements: Iterable[str], found: Mapping[str, Distribution]) -> dict[str, set[str]]:
    """Give the distributions that requirements need, each with those that ask for it."""
    needed: dict[str, set[str]] = {}
    waiting = [(Requirement(line), "") for line in requirements]
    walked: set[tuple[str, str]] = set()
    while waiting:
        requirement, asked_by = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name not in found:  # for another platform, or its extra is not installed
            continue
        needed.setdefault(name, set()).update({asked_by} - {""})
        for extra in ("", *requirement.extras):
            if (name, extra) not in walked:
                walked.add((name, extra))
                others = [Requirement(line) for line in found[name].requires or []]
                waiting += [
                    (one, name)
                    for one in others
                    if one.marker is None or one.marker.evaluate({"extra": extra})
                ]
    return needed


def listed() -> set[str]:
    """Name the distributions that docs/dependencies.md has."""
    return set(re.findall(r"^\| `([\w.-]+)` \|", LIST.read_text(), re.MULTILINE))


def signed_off(found: Sequence[Dependency]) -> str:
    """Give the list as docs/dependencies.md has it."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return "\n".join(
        [
            f"**Signed off** on {datetime.now(UTC).date()} by the maintainers, for Vitrine",
            f"{__version__}: each of these {len(found)} distributions may be used by Vitrine, and",
            f"lets Vitrine be handed on under Apache-2.0. Seen with Python {python} on Linux; the",
            "limits of versions are in [pyproject.toml](../pyproject.toml).",
            "",
            "Allowed for all, since they ask for no more than that their notices are kept:",
            ", ".join(ALLOWED) + ".",
            "",
            "Any other is argued for the one distribution that has it:",
            "",
            "| distribution | licence | why it is signed off |",
            "|---|---|---|",
            *(
                f"| {one.name} | {one.licence} | {ARGUED[one.name][1]} |"
                for one in found
                if one.name in ARGUED
            ),
            "",
            "`always` is what every extra builds on. The reason is that of pyproject.toml for what",
            "Vitrine asks for; of the others it is who asks for them.",
            "",
            "| distribution | version | licence (SPDX) | extras | why |",
            "|---|---|---|---|---|",
            *map(_row, found),
            "",
        ]
    )


def _row(one: Dependency) -> str:
    named, others = one.needed_by[:NAMED], len(one.needed_by) - NAMED
    needed_by = f"for {', '.join(named)}" + (f" and {others} more" if others > 0 else "")
    why = reasons().get(one.name, needed_by)
    return f"| `{one.name}` | {one.version} | {one.licence} | {', '.join(one.extras)} | {why} |"


def main(folders: Iterable[str]) -> None:
    """Write the list, unless something is not signed off or not installed."""
    found = dependencies(folders)
    names = {one.name for one in found}
    problems = [one.problem for one in found if one.problem] + [
        f"{line} ({extra}) is not installed: name the folder of site packages that has it"
        for extra, requirements in declared().items()
        for line in requirements
        if canonicalize_name(Requirement(line).name) not in names
    ]
    if problems:
        sys.exit("\n".join(problems))
    prose = LIST.read_text().partition(HEADING)[0]
    LIST.write_text(f"{prose}{HEADING}\n{signed_off(found)}")
    sys.stdout.write(f"{LIST}: {len(names)} distributions\n")


if __name__ == "__main__":
    main(sys.argv[1:])
