"""The forms that an explanation comes in, and which of them an Accept header asks for."""

from __future__ import annotations

import re

MEDIA_TYPES = {"png": "image/png", "npy": "application/x-npy", "json": "application/json"}
RANGES = {"png": "image/*", "json": "application/*"}  # and */* is JSON, the default
QUALITY = re.compile(r"[01](\.\d{0,3})?")


def preferred_form(accept: str) -> str:
    """Give the form that an Accept header (RFC 9110, 12.5.1) ranks highest; JSON where none is."""
    best, best_quality = "json", 0.0
    for entry in accept.lower().split(","):
        media_type, *parameters = (part.strip() for part in entry.split(";"))
        stated = [part[2:] for part in parameters if part.startswith("q=")]
        quality = float(stated[0]) if stated and QUALITY.fullmatch(stated[0]) else 1.0
        for form, offered in MEDIA_TYPES.items():
            is_asked = media_type in (offered, RANGES.get(form))
            if is_asked and quality > best_quality:
                best, best_quality = form, quality
    return best
