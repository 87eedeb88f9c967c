"""Writes a pip.conf for a build from this machine's own pip settings, and names what it needs.

Usage: python3 lend_pip.py HOME HOME_IN_BUILD

HOME is the folder that becomes the build's home. Each line printed is a local folder that the
settings name and the path where the build expects it, with a tab between.
"""

from __future__ import annotations

import configparser
import os
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

SETTINGS = ("index-url", "extra-index-url", "find-links", "no-index", "proxy", "trusted-host")
AUTHORITY = "authority.crt"


def settings_here() -> dict[str, str]:
    """Give pip's settings: the files in the order pip reads them, then the variables."""
    user = Path.home()
    files = [Path("/etc/pip.conf"), user / ".pip/pip.conf", user / ".config/pip/pip.conf"]
    if "PIP_CONFIG_FILE" in os.environ:
        files.append(Path(os.environ["PIP_CONFIG_FILE"]))
    parser = configparser.RawConfigParser()
    parser.read(files)
    found = dict(parser.items("global")) if parser.has_section("global") else {}
    for name in SETTINGS:
        value = os.environ.get("PIP_" + name.upper().replace("-", "_"))
        if value:
            found[name] = value
    return {name: found[name] for name in SETTINGS if name in found}


class Lender:
    """Gives each local folder one path in the build.

    Invariant: every path handed out lies under the build's home and its mount point exists.
    """

    def __init__(self, home: Path, home_in_build: str) -> None:
        self.home = home
        self.home_in_build = home_in_build
        self.folders: dict[str, str] = {}

    def path_in_build(self, word: str) -> str:
        """Give a word of a setting as the build reads it; other than local folders stay as is."""
        scheme, path = ("file://", unquote(urlsplit(word).path)) if is_url(word) else ("", word)
        if not path.startswith("/") or not Path(path).is_dir():
            return word
        # The pages of an index point to files beside it, so the folder above it is lent.
        folder = str(Path(path).parent) if scheme else path
        if folder not in self.folders:
            name = f"lent-{len(self.folders)}"
            (self.home / name).mkdir()
            self.folders[folder] = f"{self.home_in_build}/{name}"
        return scheme + self.folders[folder] + path.removeprefix(folder)


def is_url(word: str) -> bool:
    """Tell whether a word is a file: URL."""
    return word.startswith("file:")


def main() -> None:
    """Write HOME/.config/pip/pip.conf and print the folders."""
    home = Path(sys.argv[1])
    lender = Lender(home, sys.argv[2])
    lines = ["[global]"]
    for name, value in settings_here().items():
        lines.append(f"{name} = {' '.join(map(lender.path_in_build, value.split()))}")
    if (home / AUTHORITY).exists():
        lines.append(f"cert = {lender.home_in_build}/{AUTHORITY}")
    configuration = home / ".config/pip/pip.conf"
    configuration.parent.mkdir(parents=True)
    configuration.write_text("\n".join(lines) + "\n")
    for folder, path in lender.folders.items():
        sys.stdout.write(f"{folder}\t{path}\n")


if __name__ == "__main__":
    main()
