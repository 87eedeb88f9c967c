"""The model that comes with the service, from start to heatmap."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
import pytest

from service.bundle import read_bundle
from service.engine import Engine
from service.golden import DIFFERENCE_MARGIN
from service.settings import EMBEDDED_BUNDLES
from tests.service.live import command
from tests.service.pictures import draw, encode

CIFAR10_TEST = Path(__file__).parents[3] / "shared" / "data" / "cifar10" / "test.zip"


@pytest.mark.skipif(
    not (EMBEDDED_BUNDLES / "cifar10" / "1").is_dir(), reason="the embedded bundle is not here"
)
def test_the_embedded_model_classifies_and_explains() -> None:
    picture = encode(draw(640, 480), "JPEG")
    with command(EMBEDDED_BUNDLES) as server, httpx.Client(base_url=server.address) as client:
        ready = client.get("/health/ready").json()
        assert [model["name"] for model in ready["models"]] == ["cifar10"]
        predictions = client.post("/classify", content=picture).json()["predictions"]
        assert len(predictions) == 5
        assert sum(item["probability"] for item in predictions) <= 1 + 1e-6
        heatmap = client.post("/explain", content=picture, headers={"Accept": "image/png"})
        assert heatmap.headers["content-type"] == "image/png"
        assert server.terminate() == 0


@pytest.mark.skipif(not CIFAR10_TEST.is_file(), reason="../shared/data/cifar10 is not here")
def test_the_embedded_int8_graph_agrees_with_fp32_as_its_contract_says() -> None:
    from model.labelled import classify_pictures, labelled_pictures

    bundle = read_bundle(EMBEDDED_BUNDLES / "cifar10" / "1")
    recorded = bundle.contract.precisions["int8"]
    assert recorded.images == 10_000
    assert recorded.agreement >= 0.99
    assert recorded.top1 >= bundle.contract.precisions["fp32"].top1 - 0.003
    engines = [Engine(bundle, threads=1, precision=name) for name in ("fp32", "int8")]
    pictures = labelled_pictures(bundle, [str(CIFAR10_TEST)], "test")[::40]
    exact, rounded = classify_pictures(engines, pictures, "test").logits
    assert (rounded.argmax(axis=1) == exact.argmax(axis=1)).mean() >= 0.97
    assert 0 < np.abs(rounded - exact).max() <= DIFFERENCE_MARGIN * recorded.logit_difference
