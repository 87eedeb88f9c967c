"""The model card of a bundle: its `README.md`, written from the contract alone."""

from __future__ import annotations

from typing import Any

from service.contract import Contract


def render_card(contract: Contract) -> str:
    """Give the card as Markdown."""
    return f"# {contract.name}\n"
