"""A key that may change what is served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from service.keys import add_key


def with_admin_key(folder: Path) -> dict[str, Any]:
    """Make a file of keys beside a folder; give what `serving` needs for a client with that key."""
    file = folder.parent / f"{folder.name}.keys"
    key = add_key(file, "operator", "admin")
    return {"api_keys_file": file, "headers": {"Authorization": f"Bearer {key}"}}
