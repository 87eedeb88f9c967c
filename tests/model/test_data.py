"""Labelled pictures are found in every form they come in, and faults are named before training."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from model.data import read_training_data, split_stratified
from model.images import read_training_images
from model.sources import DataError, Picture, decode_planes, read_source
from tests.model.reading import GIB, decoded, read, zipped
from tests.model.shapes import write_pictures


def test_labels_are_the_sorted_names_of_the_class_folders(shapes):
    assert read(shapes).labels == ("blue", "green", "red")


def test_a_zip_archive_gives_the_same_arrays_as_the_folder(shapes, tmp_path):
    archive = zipped(shapes, tmp_path / "shapes.zip", top="some/where")
    from_folder, from_zip = read(shapes), read(archive)
    one, other = (decoded(data.train, data.labels) for data in (from_folder, from_zip))
    assert len(from_zip.validation) == 24
    assert torch.equal(one.images, other.images)
    assert torch.equal(one.targets, other.targets)


def test_archives_in_a_folder_are_merged(tmp_path):
    for number in range(2):
        counts = {"red": 3, "blue": 3}
        part = write_pictures(tmp_path / f"part{number}", "train", counts, first_seed=10 * number)
        (tmp_path / "merged").mkdir(exist_ok=True)
        zipped(part, tmp_path / "merged" / f"train-{number}.zip")
    data = read(tmp_path / "merged")
    assert len(data.train) + len(data.validation) == 12


def test_several_sources_are_merged(shapes, tmp_path):
    more = write_pictures(tmp_path / "more", "train", {"red": 5, "green": 5, "blue": 5})
    assert len(read(shapes, more).train) == 120 + 15


def test_class_folders_without_parts_are_all_train(shapes, tmp_path):
    data = read(shapes / "train")
    assert data.labels == ("blue", "green", "red")
    assert len(data.train) + len(data.validation) == 120
    flat = read(zipped(shapes / "train", tmp_path / "flat.zip"))
    assert flat.labels == data.labels
    assert len(flat.train) == len(data.train)


def test_files_that_are_no_pictures_are_passed_over(shapes, tmp_path):
    (shapes / "train" / "red" / "notes.txt").write_text("by hand")
    (shapes / "train" / "readme.txt").write_text("colours")
    assert len(read(shapes).train) == 120
    assert len(read(zipped(shapes, tmp_path / "shapes.zip")).train) == 120


def test_the_test_part_is_never_decoded(shapes):
    write_pictures(shapes, "test", {"red": 1, "green": 1, "blue": 1})
    for path in (shapes / "test").rglob("*.png"):
        path.write_bytes(b"unreadable")
    data = read(shapes)
    images = read_training_images(data, 16, seed=0, max_bytes=GIB, workers=0)
    assert (len(images.train), len(images.validation)) == (120, 24)


# splitting


def test_without_a_validation_part_a_share_of_every_class_is_held_out(tmp_path):
    folder = write_pictures(tmp_path / "data", "train", {"red": 20, "blue": 8})
    data = read(folder, share=0.25)
    held_out = [picture.label for picture in data.validation]
    assert (held_out.count("red"), held_out.count("blue")) == (5, 2)
    assert {p.name for p in data.train}.isdisjoint(p.name for p in data.validation)


def test_the_split_is_fixed_by_the_seed(tmp_path):
    pictures = read_source(
        str(write_pictures(tmp_path / "data", "train", {"red": 20, "blue": 20})), GIB
    ).pictures["train"]
    names = [[p.name for p in split_stratified(pictures, 0.2, seed)[1]] for seed in (0, 0, 1)]
    assert names[0] == names[1] != names[2]


# faults


def test_a_source_that_is_not_there_is_named_with_what_is_accepted():
    with pytest.raises(DataError, match=r"'nowhere' is not there; give a folder"):
        read("nowhere")


def test_a_single_class_stops(tmp_path):
    folder = write_pictures(tmp_path / "data", "train", {"red": 4})
    with pytest.raises(DataError, match=r"1 class \(red\).* at least 2"):
        read(folder)


def test_an_empty_folder_stops(tmp_path):
    with pytest.raises(DataError, match="0 classes"):
        read(tmp_path)


def test_an_empty_class_stops_in_a_folder_and_in_an_archive(shapes, tmp_path):
    (shapes / "train" / "violet").mkdir()
    (shapes / "validation" / "violet").mkdir()
    archive = zipped(shapes, tmp_path / "shapes.zip")
    for source in (shapes, archive):
        with pytest.raises(DataError, match="train has no picture of violet"):
            read(source)


def test_classes_that_differ_between_parts_stop(shapes):
    shutil.move(shapes / "validation" / "red", shapes / "validation" / "rouge")
    with pytest.raises(DataError) as caught:
        read(shapes)
    assert "rouge is in validation but not in train" in caught.value.detail
    assert "red is in train but not in validation" in caught.value.detail


def test_a_class_too_small_to_hold_one_out_stops(tmp_path):
    folder = write_pictures(tmp_path / "data", "train", {"red": 4, "blue": 1})
    with pytest.raises(DataError, match="single picture of blue"):
        read(folder)


def test_everything_wrong_is_named_at_once(shapes):
    (shapes / "train" / "violet").mkdir()
    shutil.rmtree(shapes / "validation" / "blue")
    with pytest.raises(DataError) as caught:
        read(shapes, "elsewhere.zip")
    assert "elsewhere.zip" in caught.value.detail
    with pytest.raises(DataError) as caught:
        read(shapes)
    assert "no picture of violet" in caught.value.detail
    assert "blue, violet is in train but not in validation" in caught.value.detail


# CIFAR-10's own forms


LABELS = ["airplane", "cat", "truck"]


@pytest.fixture
def cifar_rows():
    """Six rows: class number, then 3 planes of 32 x 32."""
    random = np.random.default_rng(0)
    return [0, 1, 2, 0, 1, 2], random.integers(0, 256, (6, 3072), dtype=np.uint8)


@pytest.fixture
def pickled(tmp_path, cifar_rows) -> Path:
    numbers, rows = cifar_rows
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in ("data_batch_1", "data_batch_2", "test_batch"):
        batch = {b"data": rows, b"labels": numbers, b"batch_label": name.encode()}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    meta = {b"label_names": [label.encode() for label in LABELS], b"num_vis": 3072}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta, protocol=2))
    return folder


@pytest.fixture
def binary(tmp_path, cifar_rows) -> Path:
    numbers, rows = cifar_rows
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    table = np.concatenate([np.array(numbers, dtype=np.uint8)[:, None], rows], axis=1)
    for name in ("data_batch_1.bin", "data_batch_2.bin", "test_batch.bin"):
        table.tofile(folder / name)
    (folder / "batches.meta.txt").write_text("\n".join(LABELS) + "\n")
    return folder


def test_the_pickled_and_the_binary_form_give_the_same_pictures(pickled, binary, cifar_rows):
    numbers, rows = cifar_rows
    for folder in (pickled, binary):
        source = read_source(str(folder), GIB)
        assert [p.label for p in source.pictures["train"]] == [LABELS[n] for n in numbers * 2]
        assert len(source.pictures["test"]) == 6
        image = source.pictures["train"][4].decode((32, 32)).image
        assert np.array_equal(np.asarray(image).transpose(2, 0, 1).ravel(), rows[4])


def test_a_pickle_that_names_anything_but_arrays_is_refused_and_not_run(pickled, tmp_path):
    class Hostile:
        def __reduce__(self):
            return Path.touch, (tmp_path / "owned",)

    (pickled / "data_batch_1").write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(DataError, match=r"names pathlib.*, which is not allowed"):
        read(pickled)
    assert not (tmp_path / "owned").exists()


def test_a_pickle_cannot_reconstruct_another_class_of_array(pickled):
    class Sneaky(np.ndarray):
        def __reduce__(self):
            return np.zeros(1).__reduce__()[0], (np.dtype, (0,), b"b")

    (pickled / "data_batch_1").write_bytes(pickle.dumps(np.zeros(1).view(Sneaky)))
    with pytest.raises(DataError, match="reconstructs"):
        read(pickled)


def test_a_pickle_of_another_shape_is_named(pickled):
    (pickled / "data_batch_1").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(DataError, match="holds a list"):
        read(pickled)


def test_a_truncated_batch_is_named(pickled, binary):
    (pickled / "data_batch_1").write_bytes((pickled / "data_batch_1").read_bytes()[:100])
    with pytest.raises(DataError, match="data_batch_1 cannot be read"):
        read(pickled)
    (binary / "data_batch_1.bin").write_bytes(b"\0" * 3000)
    with pytest.raises(DataError, match="3000 bytes, not a multiple of 3073"):
        read(binary)


def test_batches_without_names_of_classes_are_named(binary):
    (binary / "batches.meta.txt").unlink()
    with pytest.raises(DataError, match=r"neither batches.meta nor"):
        read(binary)


def test_raw_planes_become_a_picture():
    planes = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    picture = Picture("p", "l", lambda size: decode_planes(planes, size))
    assert np.asarray(picture.decode((2, 2)).image)[0, 1].tolist() == [1, 5, 9]


def test_an_archive_that_is_none_is_named(tmp_path):
    (tmp_path / "pictures.zip").write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"pictures\.zip cannot be read: .*; download or pack"):
        read_training_data([str(tmp_path / "pictures.zip")], 0.1, 0, 1000)


def test_hidden_folders_are_no_classes(shapes):
    (shapes / "train" / ".ipynb_checkpoints").mkdir()
    labels = read_training_data([str(shapes)], 0.1, 0, 1000).labels
    assert ".ipynb_checkpoints" not in labels
