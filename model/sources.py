"""Where labelled pictures come from: folders, zip archives, CIFAR-10's own files, or a stream.

Every reader gives a `Source`: pictures by part, not decoded yet, and the classes that each part
declares, with or without pictures.
"""

from __future__ import annotations

import functools
import io
import os
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.decoding import DecodedImage, ImageLimits, decode_image
from service.errors import InvalidInput

PARTS = ("train", "validation", "test")
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif"}
STREAM_PREFIX = "hf:"
CIFAR_SIDE = 32
CIFAR_ROW_BYTES = 1 + 3 * CIFAR_SIDE**2  # the binary form: one label, then three planes
LIMITS = ImageLimits(max_bytes=200 * 1024 * 1024, max_pixels=200_000_000)

Size = tuple[int, int]


class DataError(InvalidInput):
    """The data cannot be trained on; the message names everything wrong at once."""

    title = "Unusable data"


@dataclass(frozen=True)
class Picture:
    """One labelled picture; `decode` reads it anew each time, at least as large as asked."""

    name: str
    label: str
    decode: Callable[[Size], DecodedImage]


@dataclass(frozen=True)
class Source:
    """Pictures by part, and the classes that each part declares."""

    pictures: dict[str, list[Picture]] = field(default_factory=lambda: {p: [] for p in PARTS})
    classes: dict[str, set[str]] = field(default_factory=lambda: {p: set() for p in PARTS})

    def add(self, part: str, picture: Picture) -> None:
        self.pictures[part].append(picture)
        self.classes[part].add(picture.label)

    def merge(self, other: Source) -> None:
        for part in PARTS:
            self.pictures[part].extend(other.pictures[part])
            self.classes[part].update(other.classes[part])


def read_source(name: str, max_bytes: int) -> Source:
    """Find the pictures of a folder, a zip archive, CIFAR-10's files, or `hf:NAME`.

    A stream is read once and kept encoded: in memory up to `max_bytes`, the rest on disk. Raises
    DataError, saying what is accepted, where the source is none of these.
    """
    if name.startswith(STREAM_PREFIX):
        from model.stream import read_stream  # which needs what is defined here

        return read_stream(name.removeprefix(STREAM_PREFIX), max_bytes)
    path = Path(name)
    if path.suffix == ".zip" and path.is_file():
        return read_zip(path)
    if not path.is_dir():
        raise DataError(
            f"data source {name!r} is not there; give a folder with train/<class>/<picture>, "
            "a .zip of one, a folder with CIFAR-10's batches, or hf:NAME"
        )
    if any(path.glob("data_batch_*")):
        return read_cifar(path)
    return read_folder(path)


def read_folder(folder: Path) -> Source:
    """Read part/class/picture, or class/picture as train, and every zip archive in the folder."""
    source = Source()
    for archive in sorted(folder.glob("*.zip")):
        source.merge(read_zip(archive))
    parts = {part: folder / part for part in PARTS if (folder / part).is_dir()}
    for part, root in (parts or {"train": folder}).items():
        folders = (path for path in root.iterdir() if path.is_dir())
        for class_folder in sorted(path for path in folders if not path.name.startswith(".")):
            source.classes[part].add(class_folder.name)
            for path in sorted(class_folder.iterdir()):
                if path.suffix.lower() in SUFFIXES:
                    decode = functools.partial(decode_file, path)
                    source.add(part, Picture(str(path), class_folder.name, decode))
    return source


def decode_file(path: Path, size: Size) -> DecodedImage:
    return decode_image(path.read_bytes(), LIMITS, at_least=size)


def read_zip(archive: Path) -> Source:
    """Read the same layout from an archive, at any depth; without parts, all of it is train."""
    source = Source()
    try:
        with zipfile.ZipFile(archive) as opened:
            names = sorted(opened.namelist())
    except zipfile.BadZipFile as error:
        raise DataError(f"{archive} cannot be read: {error}; download or pack it again") from None
    has_parts = any(part in PurePosixPath(name).parts[:-1] for name in names for part in PARTS)
    for name in names:
        path = PurePosixPath(name)
        folders = path.parts if name.endswith("/") else path.parts[:-1]
        if not folders or (has_parts and (len(folders) < 2 or folders[-2] not in PARTS)):
            continue
        part, label = (folders[-2] if has_parts else "train"), folders[-1]
        if name.endswith("/"):
            if has_parts:  # without parts, a folder of folders looks like a class
                source.classes[part].add(label)
        elif path.suffix.lower() in SUFFIXES:
            decode = functools.partial(decode_member, archive, name)
            source.add(part, Picture(f"{archive}:{name}", label, decode))
    return source


@functools.lru_cache(maxsize=64)
def opened_archive(archive: Path, process: int) -> zipfile.ZipFile:
    """Open an archive once per process: processes must not share a position in the file."""
    return zipfile.ZipFile(archive)


def decode_member(archive: Path, name: str, size: Size) -> DecodedImage:
    data = opened_archive(archive, os.getpid()).read(name)
    return decode_image(data, LIMITS, at_least=size)


def decode_planes(planes: NDArray[np.uint8], _: Size) -> DecodedImage:
    image = Image.fromarray(np.ascontiguousarray(planes.transpose(1, 2, 0)))
    return DecodedImage(image, "RAW", *image.size, False, area=(0, 0, *image.size))


def read_cifar(folder: Path) -> Source:
    """Read CIFAR-10's public forms: batches pickled for Python, or binary (`.bin`)."""
    source = Source()
    labels = cifar_labels(folder)
    for path in sorted([*folder.glob("data_batch_*"), *folder.glob("test_batch*")]):
        part = "test" if path.name.startswith("test") else "train"
        numbers, planes = cifar_binary(path) if path.suffix == ".bin" else cifar_pickled(path)
        for index, (number, image) in enumerate(zip(numbers, planes, strict=True)):
            decode = functools.partial(decode_planes, image)
            source.add(part, Picture(f"{path}:{index}", labels[number], decode))
    return source


def cifar_labels(folder: Path) -> list[str]:
    text = folder / "batches.meta.txt"
    if text.is_file():
        return text.read_text().split()
    meta = folder / "batches.meta"
    if meta.is_file():
        return [label.decode() for label in unpickled_arrays(meta)[b"label_names"]]
    raise DataError(f"{folder} holds neither batches.meta nor batches.meta.txt; copy it there")


def cifar_binary(path: Path) -> tuple[list[int], NDArray[np.uint8]]:
    data = np.fromfile(path, dtype=np.uint8)
    if not len(data) or len(data) % CIFAR_ROW_BYTES:
        raise DataError(
            f"{path} has {len(data)} bytes, not a multiple of {CIFAR_ROW_BYTES}; fetch it again"
        )
    rows = data.reshape(-1, CIFAR_ROW_BYTES)
    return rows[:, 0].tolist(), rows[:, 1:].reshape(-1, 3, CIFAR_SIDE, CIFAR_SIDE)


def cifar_pickled(path: Path) -> tuple[list[int], NDArray[np.uint8]]:
    batch = unpickled_arrays(path)
    pixels = np.asarray(batch[b"data"], dtype=np.uint8)
    return list(batch[b"labels"]), pixels.reshape(-1, 3, CIFAR_SIDE, CIFAR_SIDE)


def unpickled_arrays(path: Path) -> dict[bytes, Any]:
    """Read a pickle of plain values and numpy arrays; anything else in it is refused, not run."""
    try:
        loaded = ArrayUnpickler(io.BytesIO(path.read_bytes()), encoding="bytes").load()
    except (pickle.UnpicklingError, EOFError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}; fetch it again") from error
    if not isinstance(loaded, dict):
        raise DataError(f"{path} holds a {type(loaded).__name__}, not CIFAR-10's dictionary")
    return loaded


class ArrayUnpickler(pickle.Unpickler):
    """Unpickles numpy arrays and plain values only: a pickle that names anything else fails."""

    def find_class(self, module: str, name: str) -> object:
        allowed: dict[tuple[str, str], object] = {
            ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
            ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
            ("_codecs", "encode"): _encode,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"the pickle names {module}.{name}, which is not allowed")
        return allowed[module, name]


def _reconstruct(kind: type, shape: tuple[int, ...], code: bytes) -> NDArray[Any]:
    if kind is not np.ndarray:
        raise pickle.UnpicklingError(f"the pickle reconstructs a {kind}, which is not allowed")
    return np.ndarray(shape, dtype=np.uint8)  # numpy fills in shape, type and content afterwards


def _encode(text: str, encoding: str) -> bytes:
    return text.encode(encoding)
