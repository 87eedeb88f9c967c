"""Where `vitrine bulk` finds pictures."""

from __future__ import annotations

import importlib.util
import zipfile

import fsspec
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from service.cli import main
from tests.service.bulk.commands import ONE_PROCESS, draw_folder
from tests.service.pictures import draw, encode

DRAWN = [encode(draw(seed=seed)) for seed in range(4)]


def structs(cells):
    """Give pictures as Hugging Face's data sets hold them."""
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return pa.array([{"bytes": cell, "path": None} for cell in cells], kind)


def test_a_folder_is_read_to_its_depth_in_the_order_of_paths(bulk, tmp_path) -> None:
    drawn = draw_folder(tmp_path / "pictures")
    (tmp_path / "pictures" / ".hidden.png").write_bytes(b"")
    (tmp_path / "pictures" / "notes.txt").write_text("no picture")
    rows = bulk.rows(tmp_path / "pictures", tmp_path / "rows")
    assert rows["path"].to_pylist() == [str(path) for path in drawn]
    assert rows["row"].null_count == len(drawn)


def test_files_of_a_folder_that_are_left_out_are_counted(bulk, tmp_path) -> None:
    draw_folder(tmp_path / "pictures", 1)
    (tmp_path / "pictures" / "notes.txt").write_text("no picture")
    ended = bulk(tmp_path / "pictures", tmp_path / "rows", *ONE_PROCESS)
    assert "1 files are no pictures by name: left out" in ended.stderr


def test_a_glob_takes_every_file_whatever_its_name(bulk, tmp_path) -> None:
    for index, data in enumerate(DRAWN):
        (tmp_path / f"{index}.picture").write_bytes(data)
    rows = bulk.rows(f"{tmp_path}/[0-2].picture", tmp_path / "rows")
    assert rows["path"].to_pylist() == [f"{tmp_path}/{index}.picture" for index in range(3)]
    assert rows["error"].null_count == 3


def test_a_zip_archive_gives_its_pictures_in_the_order_of_names(bulk, tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("b/2.png", DRAWN[2])
        archive.writestr("a/1.png", DRAWN[1])
        archive.writestr("labels.txt", "no picture")
    rows = bulk.rows(tmp_path / "a.zip", tmp_path / "rows")
    names = [f"{tmp_path}/a.zip:{name}" for name in ("a/1.png", "b/2.png")]
    assert rows["path"].to_pylist() == names


def test_parquet_files_give_file_and_row_across_row_groups(bulk, tmp_path) -> None:
    for name in ("a", "b"):
        table = pa.table({"label": [0, 1, 2, 3], "image": DRAWN})
        parquet.write_table(table, tmp_path / f"{name}.parquet", row_group_size=3)
    found = bulk.rows(tmp_path, tmp_path / "rows", "--batch-size=3", "--shard-size=5")
    files = [f"{tmp_path}/{name}.parquet" for name in ("a", "b")]
    assert found["path"].to_pylist() == [file for file in files for _ in range(4)]
    assert found["row"].to_pylist() == [0, 1, 2, 3] * 2
    labels = found["label"].to_pylist()
    assert labels[:4] == labels[4:]


def test_parquet_rows_are_those_of_the_same_pictures_as_files(bulk, pictures, tmp_path) -> None:
    data = [path.read_bytes() for path in sorted(pictures.glob("*/*"))]
    parquet.write_table(pa.table({"image": structs(data)}), tmp_path / "a.parquet")
    rows = bulk.rows(tmp_path / "a.parquet", tmp_path / "rows")
    of_files = bulk.rows(pictures, tmp_path / "rows of files")
    assert rows["probabilities"].equals(of_files["probabilities"])


@pytest.mark.parametrize("name", ["img", "bytes", "x"])
def test_a_column_of_pictures_is_found_by_what_it_holds(bulk, tmp_path, name: str) -> None:
    parquet.write_table(pa.table({"label": [0], name: structs(DRAWN[:1])}), tmp_path / "a.parquet")
    assert bulk.rows(tmp_path / "a.parquet", tmp_path / "rows")["error"].null_count == 1


def test_a_column_can_be_named(bulk, tmp_path) -> None:
    table = pa.table({"image": [b"no picture"], "thumbnail": DRAWN[:1]})
    parquet.write_table(table, tmp_path / "a.parquet")
    rows = bulk.rows(tmp_path / "a.parquet", tmp_path / "rows", "--image-column=thumbnail")
    assert rows["error"].null_count == 1


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("--image-column=picture", "has no column picture; its columns are label (int64), png ("),
        ("--image-column=label", "label of {file} holds no bytes; its columns are label (int64)"),
        ("--image-column=", "several columns of bytes, png, jpg; name one with --image-column"),
    ],
)
def test_another_column_is_refused_by_name(bulk, tmp_path, option: str, complaint: str) -> None:
    file = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"label": [0], "png": DRAWN[:1], "jpg": DRAWN[:1]}), file)
    ended = bulk(file, tmp_path / "rows", option)
    assert ended.returncode == 64
    assert complaint.format(file=file) in ended.stderr
    assert not (tmp_path / "rows").exists()


def test_a_store_of_fsspec_is_read_and_written(tiny_bundles) -> None:
    memory = fsspec.filesystem("memory")
    for index, data in enumerate(DRAWN):
        memory.pipe_file(f"/in/{index}.png", data)
    main(
        ["bulk", "memory://in", "memory://out", "--shard-size", "3", "--bundles", str(tiny_bundles)]
    )
    with memory.open("/out/shard-000001.parquet") as file:
        assert parquet.read_table(file)["path"].to_pylist() == ["memory:///in/3.png"]
    memory.rm("/", recursive=True)


def test_urls_of_this_machine_are_taken(bulk, pictures, tmp_path) -> None:
    ended = bulk(f"file://{pictures}", f"file://{tmp_path}/rows", *ONE_PROCESS)
    assert ended.returncode == 0
    assert (tmp_path / "rows" / "shard-000000.parquet").exists()


@pytest.mark.skipif(importlib.util.find_spec("s3fs") is not None, reason="s3fs is installed")
@pytest.mark.parametrize("role", ["input", "output"])
def test_a_store_whose_package_is_missing_says_what_to_install(
    bulk, pictures, tmp_path, role: str
) -> None:
    paths = ("s3://bucket/in", tmp_path / "rows") if role == "input" else (pictures, "s3://bucket")
    ended = bulk(*paths)
    assert ended.returncode == 69
    assert "cannot be opened: s3fs is not installed; run pip install s3fs\n" in ended.stderr


def test_what_is_not_there_is_refused_and_nothing_is_written(bulk, tmp_path) -> None:
    ended = bulk(tmp_path / "nowhere", tmp_path / "rows")
    assert ended.returncode == 65
    assert f"{tmp_path}/nowhere is not there" in ended.stderr
    assert not (tmp_path / "rows").exists()


def test_what_lies_in_the_output_is_not_read_as_input(bulk, tmp_path) -> None:
    draw_folder(tmp_path)
    first = bulk.rows(tmp_path, tmp_path / "rows")
    assert first.equals(bulk.rows(tmp_path, tmp_path / "rows"))
