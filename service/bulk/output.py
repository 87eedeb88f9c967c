"""The place that shards are written to: each is there whole, or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from service.bulk.place import Place
from service.errors import InvalidInput

RENAMING = {"file", "local", "sftp", "ssh", "smb", "hdfs", "webhdfs", "arrow_hdfs"}
UNFINISHED = ".unfinished"


class Output:
    """A folder here or in a store.

    Invariant: a name in it is that of a whole file. File systems get a temporary name and a rename;
    a store gets a single put, which shows nothing before it is complete.
    """

    def __init__(self, url: str) -> None:
        """Make the folder where it is not. Raises InvalidInput, PackageMissing."""
        self.place = Place.of(url)
        self.url = self.place.url(self.place.path)
        self._renames = not RENAMING.isdisjoint(self.place.protocols)
        with self._told():
            self.place.filesystem.makedirs(self.place.path, exist_ok=True)

    def names(self) -> set[str]:
        """Name what is there."""
        with self._told():
            self.place.filesystem.invalidate_cache()
            found = self.place.filesystem.ls(self.place.path, detail=False)
        return {str(name).rstrip("/").rpartition("/")[2] for name in found}

    def read(self, name: str) -> bytes:
        """Read a file. Raises InvalidInput."""
        with self._told():
            return bytes(self.place.filesystem.cat_file(self._path(name)))

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file, in place of one that is there. Raises InvalidInput."""
        filesystem = self.place.filesystem
        with self._told():
            if not self._renames:
                filesystem.pipe_file(self._path(name), data)
                return
            unfinished = self._path(f".{name}{UNFINISHED}")
            if self.place.is_local:
                _write_through(unfinished, data)
                os.replace(unfinished, self._path(name))
                return
            filesystem.pipe_file(unfinished, data)
            filesystem.mv(unfinished, self._path(name))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other runs from a folder of this machine. Raises InvalidInput where one is on."""
        if not self.place.is_local or sys.platform == "win32":
            yield
            return
        import fcntl  # which Windows has not

        folder = os.open(self.place.path, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise InvalidInput(
                f"another run writes to {self.url} at this moment; wait for it, or choose "
                "another OUTPUT"
            ) from None
        finally:
            os.close(folder)

    def _path(self, name: str) -> str:
        return f"{self.place.path.rstrip('/')}/{name}"

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InvalidInput(
                f"{self.url} cannot be used as OUTPUT: {error.strerror or error}; "
                "choose another, or mend that"
            ) from None


def _write_through(path: str, data: bytes) -> None:
    """Write a file and wait until the disk has it, so that its new name never shows less."""
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
