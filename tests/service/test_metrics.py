"""What Prometheus scrapes."""

from __future__ import annotations

from pathlib import Path

import pytest

from service import __version__
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


def test_requests_are_counted_by_the_problem_that_was_answered(live: Live) -> None:
    counted = {"route": "/classify", "code": "415", "reason": "unsupported-media-type"}
    answered = {"route": "/classify", "code": "200", "reason": ""}
    before = live.metric("vitrine_requests_total", **counted)
    before_answered = live.metric("vitrine_requests_total", **answered)
    live.client.post("/classify", content=b"no picture")
    live.client.post("/classify", content=PICTURE)
    assert live.metric("vitrine_requests_total", **counted) == before + 1
    assert live.metric("vitrine_requests_total", **answered) == before_answered + 1


def test_the_confidence_of_every_classification_is_observed(live: Live) -> None:
    before = {
        part: live.metric(f"vitrine_confidence_{part}", model="tiny") for part in ("sum", "count")
    }
    best = live.client.post("/classify", content=PICTURE).json()["predictions"][0]
    assert live.metric("vitrine_confidence_count", model="tiny") == before["count"] + 1
    risen = live.metric("vitrine_confidence_sum", model="tiny") - before["sum"]
    assert risen == pytest.approx(best["probability"], abs=1e-6)


def test_versions_readiness_limits_and_fallback_are_told_from_the_start(live: Live) -> None:
    assert live.metric("vitrine_build_info", version=__version__) == 1
    assert live.metric("vitrine_ready") == 1
    assert live.metric("vitrine_queue_limit", lane="study") == live.context.settings.max_passes
    assert live.metric("vitrine_provider_fallback", model="tiny") == 0


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
def test_the_process_is_told_of(live: Live) -> None:
    assert live.metric("process_resident_memory_bytes") > 1e6


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
