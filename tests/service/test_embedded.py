"""The model that comes with the service, from start to heatmap."""

from __future__ import annotations

import httpx
import pytest

from service.settings import EMBEDDED_BUNDLES
from tests.service.live import command
from tests.service.pictures import draw, encode


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
