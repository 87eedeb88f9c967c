"""What a visitor does with the guide, and what the server says of the same picture."""

from __future__ import annotations

import json
import struct

import httpx
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

PATIENCE_SECONDS = 60
DTYPES = {"F32": np.float32, "F16": np.float16, "U8": np.uint8}


def open_step(page: Page, step: str, **view: int | str) -> None:
    """Go to a step, as a link would, and wait until it is drawn and checked."""
    view = {"step": step, **view}
    page.evaluate(
        "(hash) => { location.hash = hash; }", "&".join(f"{k}={v}" for k, v in view.items())
    )
    wait_for_step(page, step)


def wait_for_step(page: Page, step: str) -> None:
    """Wait until a step is drawn for the picture that is followed."""
    page.locator(f'#step[data-drawn="{step}"]').wait_for()


def choose(page: Page, picture: bytes, name: str = "ship.png") -> None:
    page.set_input_files("#file", {"name": name, "mimeType": "image/png", "buffer": picture})


def choose_and_wait(page: Page, picture: bytes, name: str = "ship.png") -> None:
    choose(page, picture, name)
    expect(page.locator("#mine-name")).to_have_text(name)


def trace(
    address: str, picture: bytes, *tensors: str, **parameters: str | int
) -> tuple[dict[str, NDArray], dict]:
    """Give the tensors that the server sends of a picture, and the message's metadata."""
    answer = httpx.post(
        f"{address}trace",
        params={"tensors": ",".join(tensors), **parameters},
        content=picture,
        timeout=PATIENCE_SECONDS,
    )
    assert answer.status_code == 200, answer.text
    (length,) = struct.unpack("<Q", answer.content[:8])
    header = json.loads(answer.content[8 : 8 + length])
    metadata = header.pop("__metadata__")
    body = answer.content[8 + length :]
    return {
        name: np.frombuffer(body[slice(*entry["data_offsets"])], DTYPES[entry["dtype"]]).reshape(
            entry["shape"]
        )
        for name, entry in header.items()
    }, metadata


def verdict(page: Page) -> str | None:
    """Give what the panel "Is this true?" found: "true" or "false"."""
    expect(page.locator("#check")).to_be_visible()
    return page.locator("#check").get_attribute("data-verdict")


def numbers(page: Page) -> dict[str, float]:
    """Give the panel's numbers by their names."""
    names = page.locator("#check-numbers dt").all_inner_texts()
    values = page.locator("#check-numbers dd").all_inner_texts()
    return {
        name: float(value.replace("\u2212", "-")) for name, value in zip(names, values, strict=True)
    }


def shapes(page: Page) -> list[str]:
    """Give the shapes on the badges, as "65 × 192"."""
    return page.locator("#shapes .size").all_inner_texts()
