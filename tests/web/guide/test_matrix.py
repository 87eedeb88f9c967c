"""The matrix: every number of it can be pointed at, heard, and read as a table."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

SHOW = """
async ([rows, columns, options]) => {
  const { matrix } = await import("/web/guide/matrix.js");
  const { Tensor } = await import("/web/guide/tensor.js");
  const { text } = await import("/web/guide/text.js");
  const data = Float32Array.from({ length: rows * columns }, (_, at) => at - (rows * columns) / 2);
  window.picked = [];
  const scene = { text, signal: new AbortController().signal };
  const figure = matrix(scene, {
    tensor: new Tensor([rows, columns], data), label: "M", ...options,
    rowName: (row) => `r${row}`, columnName: (column) => `c${column}`,
    onPick: (row, column) => window.picked.push([row, column]),
  });
  document.getElementById("drawing").replaceChildren(figure);
}
"""


@pytest.fixture
def show(guide: Page):
    def show(rows: int, columns: int, **options) -> Page:
        guide.evaluate(SHOW, [rows, columns, options])
        guide.locator("#drawing .matrix canvas").wait_for()
        return guide

    return show


def test_arrow_keys_read_each_cell_out(show):
    page = show(5, 8)
    plane = page.get_by_role("application", name="M, 5 × 8")
    readout = page.locator("#drawing .readout")
    plane.focus()
    page.keyboard.press("ArrowRight")
    expect(readout).to_have_text("r0, c1: −19")
    page.keyboard.press("End")
    expect(readout).to_have_text("r0, c7: −13")
    page.keyboard.press("ArrowDown")
    expect(readout).to_have_text("r1, c7: −5")
    page.keyboard.press("Control+End")
    expect(readout).to_have_text("r4, c7: 19")
    page.keyboard.press("Enter")
    assert page.evaluate("window.picked") == [[4, 7]]


def test_pointing_reads_out_and_a_click_picks(show):
    page = show(4, 4)
    cells = page.locator("#drawing .cells")
    box = cells.bounding_box()
    place = {"x": box["width"] * 2.5 / 4, "y": box["height"] * 1.5 / 4}
    cells.hover(position=place)
    expect(page.locator("#drawing .readout")).to_have_text("r1, c2: −2")
    cells.click(position=place)
    assert page.evaluate("window.picked") == [[1, 2]]


def test_the_colours_are_blue_below_zero_and_orange_above(show):
    page = show(2, 2)
    pixels = page.locator("#drawing canvas").evaluate("""(canvas) => {
      const pen = canvas.getContext("2d");
      const at = (x, y) => [...pen.getImageData(x, y, 1, 1).data];
      return [at(2, 2), at(canvas.width - 3, canvas.height - 3)];
    }""")
    (low_red, _, low_blue, _), (high_red, _, high_blue, _) = pixels
    assert low_blue > low_red
    assert high_red > high_blue


def test_a_large_table_makes_only_the_rows_in_sight(show):
    page = show(197, 768)
    page.get_by_text("Show as table").click()
    rows = page.locator("#drawing tbody tr:not(.spacer)")
    assert rows.count() < 20
    expect(rows.first).to_contain_text("r0")
    page.locator("#drawing .as-table .scroll").evaluate("(box) => { box.scrollTop = 1e6; }")
    expect(rows.last).to_contain_text("r196")
    page.get_by_role("button", name="Columns after").click()
    expect(page.locator("#drawing thead")).to_contain_text("c12")
    value = 196 * 768 + 12 - 197 * 768 / 2
    expect(rows.last.locator("td").first).to_have_text(f"{value:.0f}")


@pytest.mark.parametrize("width", [320, 1440])
def test_no_matrix_is_wider_than_the_page(show, width):
    page = show(197, 768)
    page.set_viewport_size({"width": width, "height": 800})
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    page.wait_for_timeout(100)  # a frame in which it is drawn anew
    assert page.evaluate(overflow) == 0
