"""The embedded model on a real socket, for the probes and scrapes that manifests ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.settings import EMBEDDED_BUNDLES
from tests.service.live import Live, serving


@pytest.fixture(scope="session")
def embedded() -> Iterator[Live]:
    with serving(EMBEDDED_BUNDLES) as server:
        yield server
