"""Who may ask: the file of keys, and whether the address is open to all without one."""

from __future__ import annotations

import ipaddress
import stat
from collections.abc import Iterator
from pathlib import Path

from service.doctor.check import Check
from service.errors import InvalidParameter
from service.keys import read_keys
from service.settings import Settings

WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def access(settings: Settings) -> Iterator[Check]:
    """Look at the keys, or at who can reach a service that asks for none."""
    if settings.api_keys_file is None:
        yield _open_to_all(settings.host)
        return
    try:
        yield from _keys(settings.api_keys_file)
    except InvalidParameter as error:
        yield Check("access", "error", error.detail, "the service does not start without them")


def _open_to_all(host: str) -> Check:
    facts = {"host": host, "keys": None}
    if is_loopback(host):
        found = f"no keys; whoever is on this machine may ask, as {host} is reached from no other"
        return Check("access", "ok", found, facts=facts)
    return Check(
        "access",
        "warning",
        f"no keys, and {host} is reached from outside: whoever gets there may ask",
        "make keys with `vitrine key NAME --file FILE` and set --api-keys-file, unless what is in "
        "front lets in few",
        facts,
    )


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _keys(path: Path) -> Iterator[Check]:
    keys = read_keys(path)
    admins = sum(key.scope == "admin" for key in keys)
    facts = {"file": str(path), "keys": len(keys), "admin_keys": admins}
    command = f"vitrine key NAME{{}} --file {path}"
    if not keys:
        remedy = f"make one with `{command.format('')}`"
        yield Check("access", "warning", f"{path} holds no key: nobody may ask", remedy, facts)
    elif not admins:
        found = f"{path} holds {len(keys)} keys and no admin key: nobody may reload models"
        remedy = f"make one with `{command.format(' --admin')}`, if somebody should"
        yield Check("access", "warning", found, remedy, facts)
    else:
        found = f"{path} holds {len(keys)} keys, {admins} of them of the scope admin"
        yield Check("access", "ok", found, facts=facts)
    mode = path.stat().st_mode
    if mode & WRITABLE_BY_OTHERS:
        yield Check(
            "access",
            "warning",
            f"{path} has the permissions {stat.filemode(mode)}: others can let themselves in",
            f"chmod go-w {path}",
            {"file": str(path), "mode": f"{stat.S_IMODE(mode):o}"},
        )
