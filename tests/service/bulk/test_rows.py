"""What `vitrine bulk` says of each picture."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

from tests.service.bulk.commands import contents
from tests.service.live import VITRINE
from tests.service.pictures import draw, encode, header_bomb

LABELS = ["cat", "dog", "ship"]


def test_the_columns_are_these(bulk, pictures, tmp_path) -> None:
    rows = bulk.rows(pictures, tmp_path / "rows", "--top-k=2", "--embedding", "--relevance")
    assert rows.column_names == [
        "path", "row", "label", "top_labels", "top_probabilities", "probabilities", "embedding",
        "relevance", "error",
    ]  # fmt: skip
    row = rows.to_pylist()[0]
    order = np.argsort(row["probabilities"])[::-1]
    assert row["top_labels"] == [LABELS[index] for index in order[:2]]
    assert row["top_probabilities"] == [row["probabilities"][index] for index in order[:2]]
    assert row["label"] == row["top_labels"][0]
    assert (len(row["embedding"]), np.shape(row["relevance"])) == (24, (4, 4))
    assert row["error"] is None


def test_the_schema_names_the_model(bulk, pictures, tmp_path, tiny_bundle) -> None:
    from service.bundle import read_bundle

    bulk.rows(pictures, tmp_path / "rows")
    metadata = parquet.read_schema(tmp_path / "rows" / "shard-000000.parquet").metadata
    told = json.loads(metadata[b"vitrine"])
    digest = read_bundle(tiny_bundle).digest
    assert told["model"] == {"name": "tiny", "version": "1", "digest": digest}
    assert (told["labels"], told["precision"], told["grid"]) == (LABELS, "fp32", [4, 4])


def test_probabilities_are_those_of_classify(bulk, pictures, tmp_path) -> None:
    rows = bulk.rows(pictures, tmp_path / "rows", "--batch-size=4").to_pylist()
    command = [VITRINE, "classify", *sorted(pictures.glob("*/*")), "--json-lines"]
    said = subprocess.run(
        [*map(str, command), "--bundles", bulk.bundles], capture_output=True, text=True, check=True
    )
    for row, line in zip(rows, said.stdout.splitlines(), strict=True):
        one = json.loads(line)
        assert row["path"] == one["file"]
        expected = {item["label"]: item["probability"] for item in one["predictions"]}
        found = [expected[label] for label in LABELS]
        np.testing.assert_allclose(row["probabilities"], found, rtol=0, atol=1e-5)


def test_relevance_is_that_of_the_http_answer(bulk, pictures, tmp_path, live) -> None:
    rows = bulk.rows(pictures, tmp_path / "rows", "--relevance")
    for row in rows.to_pylist():
        with open(row["path"], "rb") as file:
            answer = live.client.post("/explain?method=relevance", content=file.read()).json()
        assert row["label"] == answer["target"]["label"]
        np.testing.assert_allclose(row["relevance"], answer["scores"], rtol=1e-4, atol=1e-6)


def test_a_bad_picture_has_an_error_as_the_service_says_it_and_fails_alone(
    bulk, tmp_path, live
) -> None:
    good, broken = encode(draw()), encode(draw())[:200]
    bad = [b"no picture", broken, header_bomb(60_000, 60_000), b""]
    parquet.write_table(pa.table({"image": [good, *bad, None]}), tmp_path / "a.parquet")
    rows = bulk.rows(tmp_path / "a.parquet", tmp_path / "rows", "--embedding").to_pylist()
    assert rows[0]["label"] is not None
    assert rows[0]["error"] is None
    for row, data in zip(rows[1:5], bad, strict=True):
        problem = live.client.post("/classify", content=data).json()
        assert problem["type"] == f"urn:vitrine:problem:{row['error']['code']}"
        assert row["error"]["message"] == problem["detail"]
        assert {value for name, value in row.items() if name not in ("path", "row", "error")} == {
            None
        }
    assert rows[5]["error"]["message"].startswith("the row holds no bytes")


def test_a_picture_that_is_too_large_is_not_read(bulk, pictures, tmp_path) -> None:
    rows = bulk.rows(pictures, tmp_path / "rows", "--max-image-bytes=10").to_pylist()
    assert {row["error"]["code"] for row in rows} == {"payload-too-large"}


def test_several_processes_write_the_same_files_as_one(bulk, archive, tmp_path) -> None:
    for workers in ("1", "2"):
        options = ("--workers", workers, "--threads=1", "--shard-size=120", "--embedding")
        assert bulk(archive, tmp_path / workers, *options).returncode == 0
    found = contents(tmp_path / "2")
    assert sorted(found) == [f"shard-{index:06d}.parquet" for index in range(4)]
    assert found == contents(tmp_path / "1")
