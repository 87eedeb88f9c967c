"""Weighs an image's layers on top of its base and looks for what must not be in them.

Usage: python3 weigh.py IMAGE.tar BASE.tar LARGEST_MB

Both archives are what `docker save` writes. Sizes are of the uncompressed layers; a MB is 10^6
bytes, as Docker counts.
"""

from __future__ import annotations

import json
import sys
import tarfile
from dataclasses import dataclass
from typing import Any

MEGABYTE = 1_000_000
FORBIDDEN = ("root/", "torch/", "pip/", ".git/", "authority.crt", "pip.conf")


@dataclass(frozen=True)
class Layer:
    """A layer: its digest, its size, the paths of its files and the step that made it."""

    digest: str
    size: int
    paths: tuple[str, ...]
    step: str


def read_layers(archive: str) -> list[Layer]:
    """Give the layers of an image, the lowest first."""
    with tarfile.open(archive) as image:
        manifest = _json(image, "manifest.json")[0]
        configuration = _json(image, manifest["Config"])
        steps = [item for item in configuration["history"] if not item.get("empty_layer")]
        return [
            _layer(image, name, digest, step.get("created_by", ""))
            for name, digest, step in zip(
                manifest["Layers"], configuration["rootfs"]["diff_ids"], steps, strict=True
            )
        ]


def _json(image: tarfile.TarFile, name: str) -> Any:  # noqa: ANN401 (JSON)
    member = image.extractfile(name)
    assert member is not None
    return json.load(member)


def _layer(image: tarfile.TarFile, name: str, digest: str, step: str) -> Layer:
    member = image.getmember(name)
    if member.issym():  # a layer that two images share is stored once
        member = image.getmember(name.rpartition("/")[0] + "/" + member.linkname)
    with tarfile.open(fileobj=image.extractfile(member)) as layer:
        paths = tuple(item.name for item in layer if not item.isdir())
        return Layer(digest, member.size, paths, step)


def forbidden_paths(layer: Layer) -> list[str]:
    """Give the files of a layer that came from the build's machine or that nobody needs."""
    named = [f"/{path}/" for path in layer.paths]
    return [path for path in named if any(f"/{word.rstrip('/')}/" in path for word in FORBIDDEN)]


def main() -> None:
    """Print a table; exit with 1 where the image is too large or holds a forbidden file."""
    archive, base_archive, largest = sys.argv[1], sys.argv[2], float(sys.argv[3])
    base = {layer.digest for layer in read_layers(base_archive)}
    layers = read_layers(archive)
    lines = []
    for layer in layers:
        step = "the base" if layer.digest in base else " ".join(layer.step.split())
        lines.append(f"{layer.size / MEGABYTE:8.1f} MB  {step[:90]}")
    added = [layer for layer in layers if layer.digest not in base]
    size = sum(layer.size for layer in added) / MEGABYTE
    lines.append(f"{size:8.1f} MB  on top of the base, of {largest:g} MB at most")
    sys.stdout.write("\n".join(lines) + "\n")
    if len(added) == len(layers):
        sys.exit("weigh.py: the image does not stand on the base")
    if size > largest:
        sys.exit(f"weigh.py: {size:.1f} MB on top of the base is more than {largest:g} MB")
    found = [path for layer in added for path in forbidden_paths(layer)]
    if found:
        sys.exit(f"weigh.py: these must not be in the image: {', '.join(found[:10])}")


if __name__ == "__main__":
    main()
