"""What a visitor does with the page, and what the API says of the same picture."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

import httpx
from PIL import Image
from playwright.sync_api import Page, expect

PATIENCE_SECONDS = 60


def choose(page: Page, picture: bytes, name: str = "ship.png") -> None:
    page.set_input_files("#file", {"name": name, "mimeType": "image/png", "buffer": picture})


def choose_and_wait(page: Page, picture: bytes) -> None:
    choose(page, picture)
    expect(page.locator("#status")).to_contain_text("ship.png")


def choose_method(page: Page, name: str) -> None:
    title = page.locator(f"#method-{name}-name").evaluate("(name) => name.firstChild.data")
    page.check(f"#method-{name}")
    expect(page.locator("#map-method")).to_contain_text(f"Method: {title}")


def bars(page: Page) -> dict[str, float]:
    names = page.locator(".bar .name span").all_inner_texts()
    shares = page.locator(".bar data").evaluate_all("all => all.map((data) => Number(data.value))")
    return dict(zip(names, shares, strict=True))


def label_of(page: Page, place: int) -> str:
    return list(bars(page))[place]


def ask(
    url: str,
    picture: bytes,
    parameters: Mapping[str, str | int],
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    answer = httpx.post(
        url, params=parameters, content=picture, headers=headers, timeout=PATIENCE_SECONDS
    )
    assert answer.status_code == 200, answer.text
    return answer


def classify(address: str, picture: bytes) -> dict[str, float]:
    answer = ask(f"{address}classify", picture, {"top_k": 10}).json()
    return {item["label"]: item["probability"] for item in answer["predictions"]}


def explain(address: str, picture: bytes, **parameters: str) -> dict:
    return ask(f"{address}explain", picture, parameters).json()


def drawn(address: str, picture: bytes, **parameters: str) -> Image.Image:
    headers = {"Accept": "image/png"}
    answer = ask(f"{address}explain", picture, parameters, headers)
    return Image.open(io.BytesIO(answer.content)).convert("RGB")


def saved_scores(page: Page) -> dict:
    with page.expect_download() as download:
        page.get_by_role("button", name="Save JSON").click()
    return json.loads(download.value.path().read_text())
