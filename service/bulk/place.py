"""Where pictures and rows lie: a path of this machine, or a URL that fsspec knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import fsspec
from fsspec.core import split_protocol, url_to_fs
from fsspec.registry import known_implementations

from service.errors import InvalidInput, PackageMissing
from service.extra import not_installed

FileSystem = Any  # fsspec has no types
LOCAL = ("file", "local")


@dataclass(frozen=True)
class Place:
    """A path on a file system."""

    filesystem: FileSystem
    path: str

    @classmethod
    def of(cls, url: str) -> Place:
        """Find the file system of a URL; a path without a protocol is this machine's.

        Raises PackageMissing where fsspec needs another package for it, InvalidInput where it knows
        no such protocol.
        """
        try:
            return cls(*url_to_fs(url))
        except ImportError as error:
            raise PackageMissing(f"{url} cannot be opened: {_remedy(url, error)}") from None
        except ValueError as error:
            raise InvalidInput(
                f"{url} cannot be opened: {error}; give a path, or a URL of a protocol that "
                "fsspec knows, such as s3://BUCKET/FOLDER"
            ) from None

    @property
    def protocols(self) -> tuple[str, ...]:
        """The names of the file system's protocol."""
        named = self.filesystem.protocol
        return (named,) if isinstance(named, str) else tuple(named)

    @property
    def is_local(self) -> bool:
        """Whether it is a path of this machine."""
        return any(protocol in LOCAL for protocol in self.protocols)

    @property
    def is_of_this_process(self) -> bool:
        """Whether no other process sees it."""
        return "memory" in self.protocols

    def url(self, path: str) -> str:
        """Name a path of this file system: as it is on this machine, with its protocol else."""
        return path if self.is_local else str(self.filesystem.unstrip_protocol(path))


def _remedy(url: str, error: ImportError) -> str:
    protocol, _ = split_protocol(url)
    package = known_implementations.get(protocol, {}).get("class", "fsspec.").partition(".")[0]
    if package == fsspec.__name__:  # its own class needs something else, which the error names
        return str(error)
    return not_installed(package, package)
