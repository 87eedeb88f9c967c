"""The control groups that this process is in: their files may limit its CPUs and its memory."""

from __future__ import annotations

from pathlib import Path

CGROUP_ROOT = Path("/sys/fs/cgroup")
PROCESS_CGROUP = Path("/proc/self/cgroup")


def levels_of_version_2(root: Path, process_cgroup: Path) -> list[Path]:
    """Give the process's own group and all that it is in, up to the root that can be seen."""
    return _levels(root, _own_path(process_cgroup, ""))


def levels_of_version_1(root: Path, process_cgroup: Path, controller: str) -> list[Path]:
    """Give the same in the hierarchy of a controller, such as `cpu` or `memory`.

    A container often sees its own group as the root of what is mounted, and its host's path as its
    own: levels that do not exist have no files.
    """
    return _levels(root / controller, _own_path(process_cgroup, controller))


def _own_path(process_cgroup: Path, controller: str) -> str:
    for line in read_text(process_cgroup).splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controller in controllers.split(","):  # that of version 2 has none, which splits to ""
            return path
    return "/"


def _levels(root: Path, path: str) -> list[Path]:
    own = root / path.lstrip("/")
    return [own, *(parent for parent in own.parents if parent.is_relative_to(root))]


def read_text(path: Path) -> str:
    """Give a file's text, stripped; nothing where this kind of system has no such file."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
