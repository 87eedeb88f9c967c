"""What a visitor takes away from the guide, and the camera: downloads and a photo."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.web.conftest import PATIENCE_MILLISECONDS, QUIET
from tests.web.guide.visitor import open_step, verdict, wait_for_step


def kept(page, button: str) -> tuple[str, bytes]:
    """Press a button that saves the drawing; give the file's name and content."""
    with page.expect_download() as download:
        page.locator(button).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


@pytest.mark.parametrize("step", ["2", "11", "21"])
def test_a_drawing_is_kept_as_a_png_that_shows_it(open_guide, step):
    page = open_guide(f"step={step}")
    name, content = kept(page, "#save-png")
    image = Image.open(io.BytesIO(content))
    drawing = page.locator("#drawing").bounding_box()
    assert name.endswith(".png")
    assert f"step-{step}" in name
    assert image.format == "PNG"
    assert image.width >= 2 * drawing["width"]
    assert image.height >= 2 * drawing["height"]
    colours = image.convert("RGB").resize((64, 64)).getcolors(64 * 64)
    assert len(colours) > 100  # not one empty plane


def test_a_drawn_chart_is_kept_as_an_svg_of_its_own(open_guide):
    page = open_guide("step=21")
    name, content = kept(page, "#save-svg")
    root = ElementTree.fromstring(content)
    assert name.endswith(".svg")
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    texts = "".join(root.itertext())
    assert "ship" in texts
    assert b"var(--" not in content  # colours are worked out, so that it stands without the page
    assert "http" not in content.decode().replace("http://www.w3.org", "")


@pytest.fixture
def with_camera(browser: Browser, browser_path: str, address: str) -> Iterator[Page]:
    """The guide in a browser that lets every page have its camera."""
    allowing = browser.browser_type.launch(
        executable_path=browser_path, args=[*QUIET, "--use-fake-ui-for-media-stream"]
    )
    page = allowing.new_page(reduced_motion="reduce")
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    page.goto(f"{address}guide#step=1")
    wait_for_step(page, "1")
    yield page
    allowing.close()


def test_a_photo_is_taken_and_followed(with_camera):
    page = with_camera
    page.locator("#take-photo").click()
    video = page.locator("#camera-video")
    expect(video).to_be_visible()
    page.wait_for_timeout(500)  # the first frame
    page.locator("#camera-take").click()
    expect(page.locator("#camera-dialog")).to_be_hidden()
    expect(page.locator("#mine-name")).to_have_text("photo")
    open_step(page, "1")
    assert verdict(page) == "true"
    expect(page.locator("#drawing")).to_contain_text("JPEG")
    assert video.evaluate("(video) => video.srcObject") is None  # the camera is off


def test_a_camera_that_may_not_be_used_is_said_to_be_missing(open_guide):
    page = open_guide("step=1", permissions=[])
    page.locator("#take-photo").click()
    expect(page.get_by_role("alert")).to_contain_text("camera")
    expect(page.locator("#camera-dialog")).to_be_hidden()
    expect(page.locator('#step[data-drawn="1"]')).to_be_visible()
