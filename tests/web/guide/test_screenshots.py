"""What the eye meets, with motion: every drawing is painted, no step looks like another."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.web.guide.test_guide import IDS
from tests.web.screenshots import WIDTHS, screenshots

UNPAINTED = """
() => [...document.querySelectorAll("#drawing canvas, #mine-picture canvas")]
  .filter((canvas) => canvas.checkVisibility() && canvas.getBoundingClientRect().width > 0)
  .map((canvas) => {
    if (canvas.width * canvas.height === 0) return 0;
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let painted = 0;
    for (let at = 3; at < data.length; at += 4) painted += data[at] > 0;
    return painted / (data.length / 4);
  })
  .filter((share) => share < 0.5)
"""


@pytest.mark.parametrize("width", WIDTHS)
def test_every_step_is_painted_and_looks_its_own(open_guide, tmp_path, width):
    page = open_guide(
        viewport={"width": width, "height": WIDTHS[width]}, reduced_motion="no-preference"
    )
    seen = set()
    for step, file in screenshots(page, tmp_path):
        with Image.open(file) as image:
            assert image.width == width, step
            seen.add(image.tobytes())
        assert page.evaluate(UNPAINTED) == [], step
    assert len(seen) == len(IDS)
