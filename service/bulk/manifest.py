"""What an OUTPUT was begun with: another model, other options or other pictures are refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import cast

from service.bulk.output import Output
from service.errors import InvalidInput, InvalidParameter

FILE = "_manifest.json"  # readers of Parquet folders pass over names that begin so

Document = dict[str, dict[str, object]]  # what each part of it says


def settle(output: Output, document: Document) -> None:
    """Write the manifest, or check that the one that shards were written with says the same.

    Raises InvalidParameter with the differences, InvalidInput where OUTPUT holds other things.
    """
    names = output.names()
    shards = sorted(name for name in names if name.endswith(".parquet"))
    if shards and FILE not in names:
        raise InvalidInput(
            f"{output.url} holds {shards[0]} and no {FILE}: another program wrote it; choose an "
            "empty OUTPUT"
        )
    if shards and (differences := list(_differences(_read(output), document))):
        raise InvalidParameter(
            f"{output.url} was begun otherwise: {'; '.join(differences)}; give what it was begun "
            "with, or another OUTPUT"
        )
    output.write(FILE, (json.dumps(document, indent=2) + "\n").encode())


def _read(output: Output) -> Document:
    try:
        return cast(Document, json.loads(output.read(FILE)))
    except ValueError as error:
        raise InvalidInput(
            f"{output.url}/{FILE} is broken: {error}; choose another OUTPUT"
        ) from None


def _differences(before: Document, now: Document) -> Iterator[str]:
    for part in now:
        was, known = before.get(part, {}), now[part]
        for name in sorted({*was, *known}):
            if was.get(name) != known.get(name):
                yield f"{part}.{name} was {was.get(name)} and is now {known.get(name)}"
