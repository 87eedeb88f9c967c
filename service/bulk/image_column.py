"""Finds the column of a Parquet file that holds pictures."""

from __future__ import annotations

import pyarrow as pa

from service.errors import InvalidParameter

USUAL = ("image", "bytes")
BYTES = "bytes"  # in the struct {bytes, path} that Hugging Face's data sets have


def image_column(schema: pa.Schema, asked: str, file: str) -> str:
    """Give the path of the column with the bytes: `asked`, else a usual one, else the only one.

    Raises InvalidParameter, listing the columns.
    """
    found = {field.name: path for field in schema if (path := _path(field))}
    if asked in found:
        return found[asked]
    if not asked:
        for name in USUAL:
            if name in found:
                return found[name]
        if len(found) == 1:
            return next(iter(found.values()))
    raise InvalidParameter(f"image-column: {_refusal(schema, asked, found, file)}")


def _path(field: pa.Field) -> str | None:
    if _is_bytes(field.type):
        return str(field.name)
    if pa.types.is_struct(field.type):
        index = field.type.get_field_index(BYTES)
        if index >= 0 and _is_bytes(field.type.field(index).type):
            return f"{field.name}.{BYTES}"
    return None


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _refusal(schema: pa.Schema, asked: str, found: dict[str, str], file: str) -> str:
    columns = ", ".join(f"{field.name} ({field.type})" for field in schema)
    if asked and asked in schema.names:
        return f"{asked} of {file} holds no bytes; its columns are {columns}"
    if asked:
        return f"{file} has no column {asked}; its columns are {columns}"
    if found:
        return (
            f"{file} has several columns of bytes, {', '.join(found)}; name one with --image-column"
        )
    return f"{file} has no column of bytes; its columns are {columns}"
