"""The rows that are written: a column each for what is told, and what a picture's row holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from service import __version__
from service.bulk.job import Told
from service.bulk.stretch import Name
from service.bundle import Bundle
from service.classify import Ranking
from service.contract import Contract
from service.engine import Floats
from service.errors import VitrineError
from service.record import PrecisionName

METADATA = b"vitrine"
TOLD = ("label", "top_labels", "top_probabilities", "probabilities", "embedding", "relevance")
FLOATS = pa.list_(pa.float32())


@dataclass(frozen=True)
class Row:
    """What was found in one picture; the relevance is [rows, columns] of patches."""

    ranking: Ranking
    embedding: Floats
    relevance: Floats | None = None


Outcome = Row | VitrineError


def schema_of(told: Told) -> pa.Schema:
    """Give the columns, without metadata."""
    fields = [
        pa.field("path", pa.string(), nullable=False),
        pa.field("row", pa.int64()),
        pa.field("label", pa.string()),
        pa.field("top_labels", pa.list_(pa.string())),
        pa.field("top_probabilities", FLOATS),
        pa.field("probabilities", FLOATS),
    ]
    if told.embedding:
        fields.append(pa.field("embedding", FLOATS))
    if told.relevance:
        fields.append(pa.field("relevance", pa.list_(FLOATS)))
    error = pa.struct([("code", pa.string()), ("message", pa.string())])
    return pa.schema([*fields, pa.field("error", error)])


def metadata_of(bundle: Bundle, precision: PrecisionName) -> dict[bytes, bytes]:
    """Say whose numbers the rows hold, as JSON under the key `vitrine`."""
    contract = bundle.contract
    document = {
        "model": {"name": contract.name, "version": contract.version, "digest": bundle.digest},
        "precision": precision,
        "labels": contract.labels,
        "grid": contract.architecture.grid,
        "vitrine": __version__,
    }
    return {METADATA: json.dumps(document).encode()}


def rows_of(
    names: Sequence[Name], outcomes: Sequence[Outcome], told: Told, contract: Contract
) -> pa.RecordBatch:
    """Put what was found into columns, in the order of the names."""
    columns = {
        "path": [path for path, _ in names],
        "row": [row for _, row in names],
        **_columns(outcomes, told.top_k, contract.labels),
        "error": [
            {"code": one.slug, "message": one.detail} if isinstance(one, VitrineError) else None
            for one in outcomes
        ],
    }
    schema = schema_of(told)
    arrays = [pa.array(columns[field.name], field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _columns(
    outcomes: Sequence[Outcome], top_k: int, labels: Sequence[str]
) -> dict[str, list[Any]]:
    """Give what is told of pictures that are good, and None of those that are not."""
    columns: dict[str, list[Any]] = {name: [] for name in TOLD}
    for one in outcomes:
        told: dict[str, Any] = {} if isinstance(one, VitrineError) else _told(one, top_k, labels)
        for name, values in columns.items():
            values.append(told.get(name))
    return columns


def _told(row: Row, top_k: int, labels: Sequence[str]) -> dict[str, Any]:
    top = row.ranking.order[:top_k]
    return {
        "label": labels[row.ranking.best],
        "top_labels": [labels[index] for index in top],
        "top_probabilities": row.ranking.probabilities[top],
        "probabilities": row.ranking.probabilities,
        "embedding": row.embedding,
        "relevance": None if row.relevance is None else list(row.relevance),
    }


def packed(rows: pa.RecordBatch) -> bytes:
    """Give rows as bytes that pass between processes."""
    with pa.BufferOutputStream() as stream:
        with pa.ipc.new_stream(stream, rows.schema) as writer:
            writer.write_batch(rows)
        return bytes(stream.getvalue())


def unpacked(data: bytes) -> pa.RecordBatch:
    """Give back what was packed."""
    with pa.ipc.open_stream(data) as reader:
        return reader.read_next_batch()
