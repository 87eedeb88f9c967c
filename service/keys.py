"""API keys: a file of hashes, one line a key, that may change while the service runs.

    NAME SCOPE sha256:HEX

SCOPE is `use`, or `admin` for a key that may also change what is served. Several lines may have the
same name, so that a new key can be handed out before the old one's line is removed. Empty lines and
lines that begin with # are passed over.

A key is 256 random bits. A slow hash such as argon2 makes passwords dear to guess, because people
choose few of them; nobody can try 2^256 keys, so one SHA-256 keeps them as safe and costs a request
a microsecond instead of a tenth of a second.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from service.errors import InvalidInput, InvalidParameter

Scope = Literal["use", "admin"]

NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
LINE = re.compile(r"(?P<name>[\w.-]{1,64})\s+(?P<scope>use|admin)\s+sha256:(?P<hash>[0-9a-f]{64})")
PREFIX = "vitrine_"  # tells people and scanners of secrets what it is
KEY_BYTES = 32
CHECK_SECONDS = 1.0
PRIVATE = 0o600
logger = logging.getLogger("vitrine")


@dataclass(frozen=True)
class Key:
    """A key that is known; `digest` is the SHA-256 of its text."""

    name: str
    scope: Scope
    digest: bytes = field(repr=False)


def digest_of(key: str) -> bytes:
    """Give the hash by which a key is known. HTTP headers are Latin-1, and so is what they hold."""
    return hashlib.sha256(key.encode("latin-1", "replace")).digest()


def parse_keys(text: str) -> tuple[Key, ...]:
    """Read the lines of a file of keys.

    Raises InvalidInput, which names the line and never its content: it may be a key by mistake.
    """
    keys: dict[bytes, Key] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        found = LINE.fullmatch(stripped)
        if not found:
            raise InvalidInput(
                f"line {number} is not NAME SCOPE sha256:HEX with the scope use or admin; "
                "remove it, or make a line with `vitrine key`"
            )
        digest = bytes.fromhex(found["hash"])
        if digest in keys:
            raise InvalidInput(
                f"line {number} has the hash of an earlier line of {keys[digest].name}; remove one"
            )
        keys[digest] = Key(found["name"], cast(Scope, found["scope"]), digest)
    return tuple(keys.values())


def read_keys(path: Path) -> tuple[Key, ...]:
    """Read a file of keys. Raises InvalidParameter when it is missing or a line is broken."""
    try:
        return parse_keys(path.read_text(encoding="utf-8"))
    except InvalidInput as error:
        raise InvalidParameter(f"the keys of {path} cannot be read: {error.detail}") from None
    except OSError as error:
        raise InvalidParameter(
            f"the keys of {path} cannot be read: {error.strerror}; "
            f"make one with `vitrine key NAME --file {path}`"
        ) from None
    except UnicodeDecodeError:
        raise InvalidParameter(f"the keys of {path} cannot be read: it is not UTF-8 text") from None


def add_key(path: Path, name: str, scope: Scope) -> str:
    """Make a key, append its hash to a file (made for its owner alone), and give the key.

    Raises InvalidParameter for a name that does not fit, and for a file that is broken or closed.
    """
    if not NAME.fullmatch(name):
        raise InvalidParameter(
            f"the name {name!r} does not fit; take up to 64 letters, digits, '.', '_' and '-'"
        )
    if path.exists():
        read_keys(path)
    key = PREFIX + secrets.token_urlsafe(KEY_BYTES)
    line = f"{name} {scope} sha256:{digest_of(key).hex()}\n".encode()
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, PRIVATE)
    except OSError as error:
        raise InvalidParameter(
            f"{path} cannot be written: {error.strerror}; choose another --file"
        ) from None
    with os.fdopen(descriptor, "a+b", buffering=0) as file:
        file.seek(0)
        is_ended = file.read().endswith(b"\n") or file.tell() == 0
        file.write(line if is_ended else b"\n" + line)  # at once: no reader sees half of it
    return key


class KeyRing:
    """The keys of the last sound version of a file.

    Raises InvalidParameter where the first version is missing or broken; a later one leaves the
    keys as they are and is logged. A file without lines is sound: then nobody has a key.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version = self._stat()  # before it is read: what changes meanwhile is read again
        self._keys = read_keys(path)
        self._checked = time.monotonic()

    def find(self, presented: str) -> Key | None:
        """Give the key that was presented, if it is known.

        The time it takes does not tell how close a guess came: all keys are compared, each in
        constant time.
        """
        self._follow_file()
        digest, found = digest_of(presented), None
        for key in self._keys:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found

    def _follow_file(self) -> None:
        """Read the file again where it changed: one `stat`, two microseconds, once a second.

        A key whose line was removed is refused a second later, however long nobody asked.
        """
        now = time.monotonic()
        if now - self._checked < CHECK_SECONDS:
            return
        self._checked = now
        version = self._stat()
        if version == self._version:
            return
        self._version = version
        try:
            self._keys = read_keys(self.path)
        except InvalidParameter as error:
            logger.error("%s; the keys read before stay in use", error.detail)
        else:
            logger.info("%s was read again: %d keys", self.path, len(self._keys))

    def _stat(self) -> tuple[int, ...] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns
