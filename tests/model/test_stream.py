"""Data sets streamed by name are kept, in memory or on disk, and visited in any order."""

from __future__ import annotations

import errno
import io
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from model.data import read_training_data
from model.images import read_images
from model.sources import DataError, read_source
from model.stream import EncodedPictures
from service.contract import Preprocessing
from tests.model.shapes import draw_shape

GIB = 2**30
FITTING = Preprocessing(size=(16, 16), crop=(16, 16), mean=(0, 0, 0), std=(1, 1, 1))


def local_dataset(folder: Path, *, image: bool = True) -> Path:
    datasets = pytest.importorskip("datasets")
    folder.mkdir()
    for split in ("train", "validation", "test"):
        pictures = []
        for number in range(12):
            data = io.BytesIO()
            draw_shape(["blue", "red"][number % 2], number).save(data, "PNG")
            pictures.append({"bytes": data.getvalue(), "path": None})
        columns = {"image": datasets.Image() if image else datasets.Value("string")}
        features = datasets.Features(
            columns | {"label": datasets.ClassLabel(names=["blue", "red"])}
        )
        content = pictures if image else ["text"] * 12
        table = datasets.Dataset.from_dict(
            {"image": content, "label": [n % 2 for n in range(12)]}, features=features
        )
        table.to_parquet(folder / f"{split}.parquet")
    return folder


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """Keep to this machine, whoever has imported the libraries before, which read the variables."""
    pytest.importorskip("datasets")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def test_a_data_set_streams_by_name_without_its_test_part(offline, tmp_path):
    source = read_source(f"hf:{local_dataset(tmp_path / 'local')}", GIB)
    assert [len(source.pictures[part]) for part in ("train", "validation", "test")] == [12, 12, 0]
    picture = source.pictures["train"][1]
    assert picture.label == "red"
    expected = np.asarray(draw_shape("red", 1))
    assert np.array_equal(np.asarray(picture.decode((16, 16)).image), expected)


def test_a_data_set_without_pictures_is_named(offline, tmp_path):
    folder = local_dataset(tmp_path / "local", image=False)
    with pytest.raises(DataError, match="needs an Image and a ClassLabel"):
        read_source(f"hf:{folder}", GIB)


@pytest.mark.parametrize("workers", [0, 2])
def test_what_is_beyond_the_memory_is_read_from_disk_in_any_order(offline, tmp_path, workers):
    name = f"hf:{local_dataset(tmp_path / 'local')}"
    held, kept = (read_training_data([name], 0.1, 0, max_bytes) for max_bytes in (GIB, 1000))
    whole, streamed = (
        read_images(data.train, data.labels, FITTING, 0, workers) for data in (held, kept)
    )
    order = [torch.tensor([11, 0, 5]), torch.tensor([5, 1])]
    pairs = zip(whole.batches(order), streamed.batches(order), strict=True)
    for (images, targets), (others, other_targets) in pairs:
        assert torch.equal(images, others)
        assert torch.equal(targets, other_targets)


def test_only_so_much_is_kept_in_memory_and_the_rest_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pictures = EncodedPictures(max_bytes=10)
    kept = [pictures.keep(bytes([number]) * 4) for number in range(5)]
    pictures.flush()
    assert [each() for each in kept] == [bytes([number]) * 4 for number in range(5)]
    assert os.fstat(pictures._file.fileno()).st_size == 3 * 4
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_with_the_remedy(offline, tmp_path, monkeypatch):
    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(EncodedPictures, "keep", full)
    with pytest.raises(DataError, match=r"No space left.*TMPDIR"):
        read_source(f"hf:{local_dataset(tmp_path / 'local')}", 1000)


def test_a_data_set_that_is_not_found_is_named(offline):
    with pytest.raises(DataError, match="hf:nobody/nothing cannot be streamed"):
        read_source("hf:nobody/nothing", GIB)
