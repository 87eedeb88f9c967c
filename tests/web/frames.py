"""Measures the guide in a browser: `python -m tests.web.frames [--bundles FOLDER]`.

How long the page takes to show a step, from the address and from a picture, how many frames a
second it draws while steps are turned, and how many bytes travel.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import time

from playwright.sync_api import Page, sync_playwright

from tests.web.conftest import BROWSERS, QUIET
from tests.web.guide.test_guide import IDS
from tests.web.guide.visitor import open_step, wait_for_step
from tests.web.pictures import ship_under
from tests.web.servers import running_server

FRAMES = """
async (step) => {
  const times = [];
  const tick = (time) => {
    times.push(time);
    if (time - times[0] < 600) requestAnimationFrame(tick);
  };
  location.hash = `step=${step}`;
  requestAnimationFrame(tick);
  await new Promise((resolve) => setTimeout(resolve, 900));
  const gaps = times.slice(1).map((time, index) => time - times[index]);
  return [(1000 * gaps.length) / (times.at(-1) - times[0]), Math.max(...gaps)];
}
"""
DRAWN_AFTER_CHOICE = """
async ([name, bytes]) => {
  const started = performance.now();
  const pixels = () => document.querySelector("#mine-name").textContent === name
    && document.querySelector("#step").dataset.drawn;
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
  const dropped = { dataTransfer: transfer, bubbles: true, cancelable: true };
  document.body.dispatchEvent(new DragEvent("drop", dropped));
  while (!pixels()) await new Promise(requestAnimationFrame);
  return performance.now() - started;
}
"""
TRANSFERRED = "performance.getEntries().reduce((sum, one) => sum + (one.transferSize ?? 0), 0)"


def measure(page: Page, address: str) -> None:
    """Open the guide, drop pictures on it and turn all its steps; print what it took."""
    started = time.perf_counter()
    page.goto(f"{address}guide#step=0")
    wait_for_step(page, "0")
    print(f"first step from the address: {time.perf_counter() - started:.2f} s")
    page.wait_for_load_state("networkidle")
    print(f"bytes by then: {page.evaluate(TRANSFERRED):,.0f}")
    drops = [
        page.evaluate(DRAWN_AFTER_CHOICE, [f"{sky}.png", list(ship_under(f"#{sky}"))])
        for sky in ("a9cfe8", "2b6b2f", "e8a9cf", "cfe8a9", "404040")
    ]
    print(f"drawn after a drop: {[round(milliseconds) for milliseconds in drops]} ms")
    for step in IDS:  # values and code come once
        open_step(page, step)
    print(f"bytes after all steps: {page.evaluate(TRANSFERRED):,.0f}")
    page.evaluate("(step) => { location.hash = `step=${step}`; }", IDS[0])
    wait_for_step(page, IDS[0])
    rates = {step: page.evaluate(FRAMES, step) for step in IDS[1:]}
    for step, (rate, longest) in rates.items():
        print(f"step {step:>3}: {rate:5.1f} frames a second, the longest {longest:4.0f} ms")
    print(f"median {statistics.median(rate for rate, _ in rates.values()):.1f}")


def main() -> None:
    """Measure a server with the flags given, as `vitrine serve` takes them."""
    path = next(filter(None, map(shutil.which, BROWSERS)))
    with running_server(*sys.argv[1:]) as (address, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        measure(browser.new_page(viewport={"width": 1440, "height": 900}), address)
        browser.close()


if __name__ == "__main__":
    main()
