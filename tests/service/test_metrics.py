"""What Prometheus scrapes."""

from __future__ import annotations

import pytest

from tests.service.live import Live
from tests.service.pictures import draw, encode

PICTURE = encode(draw())
STAGES = ("read", "decode", "queue", "inference", "explain", "study", "encode")


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_that_is_described_is_measured(live: Live, stage: str) -> None:
    before = live.metric("vitrine_stage_seconds_count", stage=stage)
    live.client.post("/classify", content=PICTURE)
    live.client.post("/explain?format=png", content=PICTURE)
    live.client.post("/explain?method=occlusion", content=PICTURE)
    assert live.metric("vitrine_stage_seconds_count", stage=stage) > before


def test_requests_are_counted_by_route_and_code(live: Live) -> None:
    before = live.metric("vitrine_requests_total", code="415", route="/classify")
    live.client.post("/classify", content=b"no picture")
    assert live.metric("vitrine_requests_total", code="415", route="/classify") == before + 1


def test_what_is_refused_is_counted_by_problem(live: Live) -> None:
    before = live.metric("vitrine_rejected_total", reason="model-not-found")
    live.client.post("/classify?model=nobody", content=PICTURE)
    assert live.metric("vitrine_rejected_total", reason="model-not-found") == before + 1


def test_a_path_that_is_not_there_makes_no_new_route(live: Live) -> None:
    live.client.get("/some/path/nobody/asked/for")
    assert "nobody" not in live.client.get("/metrics").text
    assert live.metric("vitrine_requests_total", code="404", route="unmatched") >= 1


def test_the_model_is_named_with_its_digest_and_provider(live: Live) -> None:
    model = live.context.registry.get()
    assert f'digest="{model.digest}"' in live.client.get("/metrics").text
    assert 'provider="CPUExecutionProvider"' in live.client.get("/metrics").text
