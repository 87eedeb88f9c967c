"""Measures a served bundle against the same work without a server: `vitrine benchmark`.

Everything is measured in one run and in turns, so that a machine that slows down does so for all
alike; ratios are taken within a round. The bare loop decodes, prepares and runs one picture after
another in this process, with the engine and the threads that the service has. The service is a
`vitrine serve` of its own, and its callers are another process.
"""

from __future__ import annotations

import io
import multiprocessing
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

from service.benchmark_report import Figures, Report, Spread, this_machine
from service.budget import cpu_budget
from service.contract import read_bundle
from service.engine import Engine
from service.errors import InferenceFailed
from service.explain import Inquiry
from service.load import Sample, keep_busy, post
from service.local import read_picture
from service.passes import run_passes
from service.preprocess import ImageLimits, decode_image, preprocess
from service.question import ExplainOptions, ask
from service.registry import find_bundles
from service.server_process import ServerProcess, memory, server_process
from service.settings import Settings

Graph = Literal["classify", "explain"]
Measure = Callable[[float], Sample]  # from seconds
BARE = 0  # callers of the bare loop
CALLERS: dict[Graph, tuple[int, ...]] = {"classify": (1, 8, 32), "explain": (1, 8)}
WARM_UP_SECONDS = 0.3
DRAWN_SIDE = 224
LIMITS = ImageLimits()


@dataclass(frozen=True)
class Scenario:
    """A graph and how many callers ask for it; BARE is the loop without a server."""

    graph: Graph
    callers: int

    def __str__(self) -> str:
        if self.callers == BARE:
            return "bare loop"
        return f"served, {self.callers} caller{'s' if self.callers > 1 else ''}"


def benchmark(
    bundles: Path,
    picture: Path | None,
    *,
    rounds: int,
    seconds: float,
    progress: Callable[[str], None],
) -> Report:
    """Measure the first bundle of a folder, each scenario for `seconds` in each of `rounds`.

    `picture` is an image file; one is drawn where none is given. The first start finds no compiled
    Python bytecode, the second does. Raises ContractError for a bundle that cannot be served,
    ModelNotReady when the server ends, InferenceFailed when a scenario has no success.
    """
    folder = find_bundles(bundles)[0].resolve()
    image = read_picture(picture) if picture else drawn_picture()
    threads = Settings().threads or cpu_budget().cpus
    machine = this_machine(threads)
    engine = Engine(read_bundle(folder), threads=threads)
    with (
        tempfile.TemporaryDirectory() as compiled,
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as callers,
    ):
        environment = {"PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
        progress("first start")
        with server_process(folder, environment) as server:
            first_start = server.ready_seconds
        progress("second start")
        with server_process(folder, environment) as server:
            memory_ready = memory(server.pid)
            measures = {
                **bare_measures(engine, image),
                **served_measures(server, image, callers, engine.is_explainable),
            }
            samples = in_turns(measures, rounds, seconds, progress)
            memory_after_load = memory(server.pid)
    contract = engine.bundle.contract
    return Report(
        machine=machine,
        bundle=f"{contract.name} {contract.version}",
        picture=describe(image, picture),
        rounds=rounds,
        seconds=seconds,
        figures=[figures(scenario, samples) for scenario in samples],
        memory_ready=memory_ready,
        memory_after_load=memory_after_load,
        first_start_seconds=first_start,
        second_start_seconds=server.ready_seconds,
    )


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


def bare_measures(engine: Engine, image: bytes) -> dict[Scenario, Measure]:
    """Give the loops without a server."""
    contract = engine.bundle.contract
    asked = ask(contract, ExplainOptions(method="relevance"))

    def classify() -> None:
        engine.classify(preprocess(image, contract.preprocessing, LIMITS)[1][None])

    def explain() -> None:
        _, pixel_values = preprocess(image, contract.preprocessing, LIMITS)
        inquiry = Inquiry(pixel_values, asked, contract)
        while inquiry.answer is None:
            inquiry.take(run_passes(engine, inquiry.needed, 1))

    measures: dict[Scenario, Measure] = {Scenario("classify", BARE): partial(repeat, classify)}
    if engine.is_explainable:
        measures[Scenario("explain", BARE)] = partial(repeat, explain)
    return measures


def repeat(work: Callable[[], None], seconds: float) -> Sample:
    """Do work again and again for `seconds`, and time each go."""
    latencies: list[float] = []
    started = before = time.perf_counter()
    while before - started < seconds:
        work()
        after = time.perf_counter()
        latencies.append(after - before)
        before = after
    return Sample(tuple(latencies), before - started)


def served_measures(
    server: ServerProcess, image: bytes, callers: ProcessPoolExecutor, is_explainable: bool
) -> dict[Scenario, Measure]:
    """Give the loads on a server, which come from the process of `callers`."""

    def load(scenario: Scenario, seconds: float) -> Sample:
        request = post(server.host, server.port, f"/{scenario.graph}", image)
        address = server.host, server.port
        work = partial(keep_busy, address, request, callers=scenario.callers, seconds=seconds)
        return callers.submit(work).result()

    return {
        scenario: partial(load, scenario)
        for graph, counts in CALLERS.items()
        if graph == "classify" or is_explainable
        for scenario in (Scenario(graph, count) for count in counts)
    }


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
                    f"no image was answered in {scenario.graph}, {scenario}: {sample.errors}"
                )
            samples[scenario].append(sample)
            progress(
                f"round {turn + 1} of {rounds}: {scenario.graph}, {scenario}: "
                f"{sample.per_second:.0f} images/s"
            )
    return samples


def figures(scenario: Scenario, samples: dict[Scenario, list[Sample]]) -> Figures:
    """Summarize a scenario; ratios are to the bare loop and to classify in the same round."""
    own = samples[scenario]
    bare = samples[Scenario(scenario.graph, BARE)]
    classify = samples[Scenario("classify", scenario.callers)]
    latencies = np.concatenate([sample.latencies_seconds for sample in own]) * 1000
    errors = sum((Counter(sample.errors) for sample in own), Counter())
    return Figures(
        graph=scenario.graph,
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
