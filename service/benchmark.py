"""Measures a served bundle against the same work without a server: `vitrine benchmark`.

Everything is measured in one run and in turns, so that a machine that slows down does so for all
alike; ratios are taken within a round. The bare loop decodes, prepares and runs one picture after
another in this process, with the engine and the threads that the service has. The service is a
`vitrine serve` of its own, and its callers are another process.
"""

from __future__ import annotations

import gc
import io
import multiprocessing
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import get_args

import numpy as np
from PIL import Image, ImageDraw

from service.benchmark_report import Figures, Report, Spread, this_machine
from service.budget import cpu_budget
from service.contract import read_bundle
from service.drawing.heatmap import draw_heatmap, encode_png
from service.drawing.options import Drawing, Overlay
from service.drawing.scale import Scale
from service.engine import Engine, Floats
from service.errors import InferenceFailed, InvalidParameter
from service.load import Sample, keep_busy, post
from service.local import read_picture
from service.precision import choose_precision
from service.preprocess import ImageLimits, decode_image
from service.registry import find_bundles
from service.server_process import Memory, ServerProcess, memory, server_process
from service.settings import Settings
from service.workload import (
    BARE,
    CLASSIFY,
    Measure,
    Scenario,
    Work,
    bare_measures,
    served_measures,
    works,
)

WARM_UP_SECONDS = 0.3
DRAWN_SIDE = 224
RENDERED_SIDE = 1024
OVERLAYS: tuple[Overlay, ...] = get_args(Overlay)
LIMITS = ImageLimits()


def benchmark(
    bundles: Path,
    picture: Path | None,
    *,
    rounds: int,
    seconds: float,
    progress: Callable[[str], None],
    only: Sequence[str] = (),
) -> Report:
    """Measure the first bundle of a folder, each scenario for `seconds` in each of `rounds`.

    `picture` is an image file; one is drawn where none is given. `only` names the works beside
    classify that are measured; all are where none is named. The first start finds no compiled
    Python bytecode, the second does. Raises ContractError for a bundle that cannot be served,
    ModelNotReady when the server ends, InferenceFailed when a scenario has no success.
    """
    folder = find_bundles(bundles)[0].resolve()
    image = read_picture(picture) if picture else drawn_picture()
    bundle = read_bundle(folder)
    settings = Settings()
    threads = settings.threads or cpu_budget().cpus
    machine = this_machine(threads)
    with (
        tempfile.TemporaryDirectory() as compiled,
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as callers,
    ):
        environment = {"PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
        progress("first start")
        with server_process(folder, environment) as server:
            first_start = server.ready_seconds
            memories = memory_by_use(server, image, bundle.contract.graphs.explain_all)
        progress("second start")
        with server_process(folder, environment) as server:
            engine, precision = choose_precision(
                settings.precision,
                lambda name: Engine(bundle, threads=threads, precision=name),
                settings.max_batch_size,
            )
            asked = chosen_works(works(bundle.contract, engine.is_explainable), only)
            measures = {
                **bare_measures(engine, image, asked),
                **served_measures(server, image, callers, asked),
            }
            samples = in_turns(measures, rounds, seconds, progress)
            del engine, measures  # it would share the weights' pages, and halve what is counted
            gc.collect()
            memories["after all loads"] = memory(server.pid)
    contract = bundle.contract
    in_precision = "" if precision.name == "fp32" else f", {precision.name}"
    return Report(
        machine=machine,
        bundle=f"{contract.name} {contract.version}{in_precision}",
        picture=describe(image, picture),
        rounds=rounds,
        seconds=seconds,
        figures=[figures(scenario, samples) for scenario in samples],
        rendering=rendering(rounds, contract.architecture.grid),
        memory={state: held for state, held in memories.items() if held},
        first_start_seconds=first_start,
        second_start_seconds=server.ready_seconds,
    )


def chosen_works(offered: Sequence[Work], only: Sequence[str]) -> list[Work]:
    """Choose works by name, classify always. Raises InvalidParameter, naming those there are."""
    names = [work.name for work in offered]
    if unknown := [name for name in only if name not in names]:
        raise InvalidParameter(f"no work {', '.join(unknown)}; there are {', '.join(names)}")
    return [work for work in offered if not only or work.name in (*only, CLASSIFY.name)]


def memory_by_use(
    server: ServerProcess, image: bytes, is_explainable: bool
) -> dict[str, Memory | None]:
    """Look at a server's memory when it is ready, has classified, and has explained."""
    held = {"ready": memory(server.pid)}
    address = server.host, server.port
    paths = {"classify loaded": "/classify"}
    if is_explainable:
        paths["classify and explain loaded"] = "/explain?method=relevance"
    for state, path in paths.items():
        request = post(server.host, server.port, path, image)
        keep_busy(address, request, callers=1, seconds=WARM_UP_SECONDS)
        held[state] = memory(server.pid)
    return held


def rendering(rounds: int, grid: tuple[int, int]) -> dict[str, Spread]:
    """Draw a map over a photograph-like picture of 1024 x 1024 pixels, as PNG: milliseconds."""
    drawn = decode_image(drawn_picture(), LIMITS).image
    picture = drawn.resize((RENDERED_SIDE, RENDERED_SIDE))
    scores = peaks(grid)
    size, box = (RENDERED_SIDE, RENDERED_SIDE), (0, 0, RENDERED_SIDE, RENDERED_SIDE)
    times: dict[str, list[float]] = {overlay: [] for overlay in OVERLAYS}
    for _ in range(rounds):
        for overlay in OVERLAYS:
            started = time.perf_counter()
            drawing = Drawing(overlay=overlay)
            encode_png(draw_heatmap(picture, scores, box, size, drawing, Scale.of(scores)), "{}")
            times[overlay].append((time.perf_counter() - started) * 1000)
    return {overlay: Spread.of(found) for overlay, found in times.items()}


def peaks(grid: tuple[int, int]) -> Floats:
    """Give scores like those of a map: a few smooth peaks on nearly nothing."""
    rows, columns = np.indices(grid, dtype=np.float32) / np.float32(max(grid))
    places = np.random.default_rng(0).random((4, 2), np.float32)
    scores = np.zeros(grid, np.float32)
    for down, across in places:
        scores += np.exp(-((rows - down) ** 2 + (columns - across) ** 2) * np.float32(30))
    return scores


def drawn_picture() -> bytes:
    """Draw a JPEG that is neither flat nor noise: shapes over a gradient, the same each time."""
    rows, columns = np.indices((DRAWN_SIDE, DRAWN_SIDE), dtype=np.uint8)
    image = Image.fromarray(np.stack([rows, columns, rows // 2 + columns // 2], axis=-1))
    draw = ImageDraw.Draw(image)
    colors = np.random.default_rng(0).integers(0, 256, (64, 3))
    corners = np.random.default_rng(1).integers(0, DRAWN_SIDE, (64, 2))
    for (left, top), color in zip(corners.tolist(), colors.tolist(), strict=True):
        draw.ellipse((left, top, left + 40, top + 25), tuple(color))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def describe(image: bytes, picture: Path | None) -> str:
    """Say what picture was sent."""
    decoded = decode_image(image, LIMITS)
    source = picture.name if picture else "drawn by the command"
    return f"{decoded.format}, {decoded.width} x {decoded.height}, {len(image):,} bytes, {source}"


def in_turns(
    measures: dict[Scenario, Measure],
    rounds: int,
    seconds: float,
    progress: Callable[[str], None],
) -> dict[Scenario, list[Sample]]:
    """Measure each scenario once a round, in alternating order, after a short warm-up of all."""
    progress("warm-up")
    for measure in measures.values():
        measure(WARM_UP_SECONDS)
    samples: dict[Scenario, list[Sample]] = {scenario: [] for scenario in measures}
    for turn in range(rounds):
        for scenario in [*measures][:: -1 if turn % 2 else 1]:
            sample = measures[scenario](seconds)
            if not sample.latencies_seconds:
                raise InferenceFailed(
                    f"no image was answered in {scenario.work}, {scenario}: {sample.errors}"
                )
            samples[scenario].append(sample)
            progress(
                f"round {turn + 1} of {rounds}: {scenario.work}, {scenario}: "
                f"{sample.per_second:.0f} images/s"
            )
    return samples


def figures(scenario: Scenario, samples: dict[Scenario, list[Sample]]) -> Figures:
    """Summarize a scenario; ratios are to the bare loop and to classify in the same round."""
    own = samples[scenario]
    bare = samples[Scenario(scenario.work, BARE)]
    classify = samples[Scenario(CLASSIFY.name, scenario.callers)]
    latencies = np.concatenate([sample.latencies_seconds for sample in own]) * 1000
    errors = sum((Counter(sample.errors) for sample in own), Counter())
    return Figures(
        work=scenario.work,
        scenario=str(scenario),
        callers=scenario.callers,
        images=len(latencies),
        errors=dict(errors),
        images_per_second=Spread.of([sample.per_second for sample in own]),
        p50_ms=float(np.percentile(latencies, 50)),
        p99_ms=float(np.percentile(latencies, 99)),
        share_of_bare=Spread.of(
            [mine.per_second / other.per_second for mine, other in zip(own, bare, strict=True)]
        ),
        times_classify=Spread.of(
            [other.per_second / mine.per_second for mine, other in zip(own, classify, strict=True)]
        ),
    )
