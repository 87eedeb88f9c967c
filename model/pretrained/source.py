"""Finds a public model's own files: its weights, what describes them, and what its card tells."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from model.pretrained.hub import HubName, downloaded, hub_name
from model.pretrained.weights_file import PICKLE_SUFFIXES
from service.bundle import file_digest
from service.errors import InvalidInput

CONFIG_FILE = "config.json"
PROCESSOR_FILE = "preprocessor_config.json"
CARD_FILE = "README.md"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # in this order
INDEX_SUFFIX = ".index.json"
SUFFIXES = (".safetensors", *PICKLE_SUFFIXES)
HEADER = re.compile(r"\A---\s*\n(.*?)\n---\s*$", re.DOTALL | re.MULTILINE)
MOST_JSON_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Source:
    """A public model's files on this machine; what it does not have is empty."""

    name: str
    weights: tuple[Path, ...]
    config: dict[str, Any] = field(default_factory=dict)
    processor: dict[str, Any] = field(default_factory=dict)
    licence: str = ""
    datasets: str = ""

    @property
    def weights_names(self) -> str:
        """The names of the files that hold the weights."""
        return ", ".join(file.name for file in self.weights)

    @cached_property
    def digest(self) -> str:
        """`sha256:` of the weights file; of the digests of all, where there are several."""
        digests = [file_digest(file) for file in self.weights]
        if len(digests) == 1:
            return digests[0]
        return "sha256:" + hashlib.sha256("\n".join(digests).encode()).hexdigest()


def find_source(name: str) -> Source:
    """Find the files of a folder, a weights file, or a model on the Hugging Face Hub.

    Raises InvalidInput where there is no such thing, or no weights in it, or its JSON is broken.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return _read_folder(path.resolve().name, path, _weights_in(path))
    if path.is_file():
        return _read_folder(path.name, path.parent, (path,))
    hub = hub_name(name)
    if hub is None:
        raise InvalidInput(
            f"source {name!r} is not there; give a folder with {CONFIG_FILE} and {WEIGHTS[0]}, a "
            f"file of weights ({', '.join(('.safetensors', *PICKLE_SUFFIXES))}), or a name on the "
            "Hugging Face Hub as OWNER/NAME"
        )
    return _from_hub(hub)


def _from_hub(hub: HubName) -> Source:
    folder = downloaded(hub, _wanted)
    return _read_folder(hub.shown, folder, _weights_in(folder))


def _wanted(files: list[str]) -> list[str]:
    """Choose the files of a model on the Hub that are needed: one form of its weights alone."""
    described = [name for name in (CONFIG_FILE, PROCESSOR_FILE, CARD_FILE) if name in files]
    for name in WEIGHTS:
        if name in files:
            return [*described, name]
        if name + INDEX_SUFFIX in files:
            stem, _, suffix = name.rpartition(".")
            parts = re.compile(rf"{re.escape(stem)}-\d+-of-\d+\.{suffix}")
            return [*described, name + INDEX_SUFFIX, *filter(parts.fullmatch, files)]
    others = [name for name in files if PurePosixPath(name).suffix in SUFFIXES and "/" not in name]
    return [*described, *others] if len(others) == 1 else described


def _weights_in(folder: Path) -> tuple[Path, ...]:
    for name in WEIGHTS:
        if (folder / name).is_file():
            return (folder / name,)
        index = folder / (name + INDEX_SUFFIX)
        if index.is_file():
            return _parts(index)
    others = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
    if len(others) == 1:
        return (others[0],)
    if others:
        raise InvalidInput(
            f"{folder} holds several files of weights: {', '.join(path.name for path in others)}; "
            "give the one that is meant"
        )
    there = ", ".join(sorted(path.name for path in folder.iterdir())[:20]) or "nothing"
    raise InvalidInput(
        f"{folder} holds no weights, it holds {there}; it needs one of {', '.join(WEIGHTS)}, or a "
        f"single file of {', '.join(SUFFIXES)}"
    )


def _parts(index: Path) -> tuple[Path, ...]:
    """Give the files that an index names; they lie beside it, never elsewhere."""
    mapping = _json_object(index).get("weight_map")
    if not isinstance(mapping, dict) or not mapping:
        raise InvalidInput(f"{index} has no weight_map; download it again")
    names = sorted({str(name) for name in mapping.values()})
    outside = [name for name in names if PurePosixPath(name).name != name]
    missing = [name for name in names if name not in outside and not (index.parent / name).exists()]
    if outside or missing:
        raise InvalidInput(
            f"{index} names files that are not beside it: {', '.join([*outside, *missing])}; "
            "download the whole folder"
        )
    return tuple(index.parent / name for name in names)


def _read_folder(name: str, folder: Path, weights: tuple[Path, ...]) -> Source:
    config, processor, card = (folder / one for one in (CONFIG_FILE, PROCESSOR_FILE, CARD_FILE))
    header = _header(card)
    return Source(
        name,
        weights,
        _json_object(config) if config.is_file() else {},
        _json_object(processor) if processor.is_file() else {},
        _listed(header, "license") or _listed(header, "license_name"),
        _listed(header, "datasets"),
    )


def _json_object(file: Path) -> dict[str, Any]:
    if file.stat().st_size > MOST_JSON_BYTES:
        raise InvalidInput(f"{file} has more than {MOST_JSON_BYTES:,} bytes; it cannot be right")
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{file} is not JSON: {error}; download or save it again") from None
    if not isinstance(read, dict):
        raise InvalidInput(f"{file} is a JSON {type(read).__name__}, not an object; save it again")
    return read


def _header(card: Path) -> str:
    """Give the block of YAML that opens a card of the Hub, or nothing."""
    if not card.is_file():
        return ""
    found = HEADER.search(card.read_text(encoding="utf-8", errors="replace")[:65536])
    return found[1] if found else ""


def _listed(header: str, key: str) -> str:
    """Give what a key of the header holds: a word, or a list of words, joined by commas."""
    found = re.search(rf"^{key}:[ \t]*(.*(?:\n[ \t]*- .*)*)", header, re.MULTILINE)
    if not found:
        return ""
    words = re.split(r"[\n,]", found[1].strip("[]"))
    return ", ".join(word.strip(" \t-'\"[]") for word in words if word.strip(" \t-'\"[]"))
