"""What a benchmark asks for, of a bare loop and of a server, and how it is measured once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode

from service.contract import Contract
from service.engine import Engine
from service.explanation.inquiry import Inquiry, answer
from service.explanation.methods import METHODS
from service.explanation.passes import run_passes
from service.explanation.question import ExplainOptions, Question, ask
from service.load import Sample, keep_busy, post
from service.preprocess import ImageLimits, preprocess
from service.server_process import ServerProcess
from service.settings import Settings

Measure = Callable[[float], Sample]  # from seconds
BARE = 0  # callers of the bare loop
FIVE = 5
LIMITS = ImageLimits()


@dataclass(frozen=True)
class Work:
    """What is asked of a picture: its classes, or an explanation."""

    name: str
    options: ExplainOptions | None = None
    callers: tuple[int, ...] = (1,)

    @property
    def path(self) -> str:
        """The path and query that ask a server for it."""
        if self.options is None:
            return "/classify"
        asked = self.options.model_dump(exclude_defaults=True)
        return f"/explain?{urlencode(asked, doseq=True)}"


CLASSIFY = Work("classify", callers=(1, 8, 32))


def works(contract: Contract, is_explainable: bool) -> list[Work]:
    """List what a model can be asked: classify, and every method where it explains."""
    if not is_explainable:
        return [CLASSIFY]
    several = [str(index) for index in range(min(FIVE, len(contract.labels)))]
    methods = [Work(name, ExplainOptions(method=name)) for name in METHODS if name != "relevance"]
    return [
        CLASSIFY,
        Work("relevance", ExplainOptions(method="relevance"), callers=(1, 8)),
        Work(
            f"relevance, {len(several)} classes",
            ExplainOptions(method="relevance", target=several),
        ),
        *methods,
        Work("its faithfulness", ExplainOptions(method="relevance", faithfulness=True)),
    ]


@dataclass(frozen=True)
class Scenario:
    """A work and how many callers ask for it; BARE is the loop without a server."""

    work: str
    callers: int

    def __str__(self) -> str:
        if self.callers == BARE:
            return "bare loop"
        return f"served, {self.callers} caller{'s' if self.callers > 1 else ''}"


def bare_measures(engine: Engine, image: bytes, asked: Sequence[Work]) -> dict[Scenario, Measure]:
    """Give the loops without a server."""
    contract = engine.bundle.contract
    run = partial(run_passes, engine, max_batch_size=Settings().max_batch_size)

    def classify() -> None:
        engine.classify(preprocess(image, contract.preprocessing, LIMITS)[1][None])

    def explain(question: Question) -> None:
        _, pixel_values = preprocess(image, contract.preprocessing, LIMITS)
        answer(Inquiry(pixel_values, question, contract), run)

    return {
        Scenario(work.name, BARE): partial(
            repeat, partial(explain, ask(contract, work.options)) if work.options else classify
        )
        for work in asked
    }


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
    server: ServerProcess, image: bytes, callers: ProcessPoolExecutor, asked: Sequence[Work]
) -> dict[Scenario, Measure]:
    """Give the loads on a server, which come from the process of `callers`."""

    def load(path: str, count: int, seconds: float) -> Sample:
        request = post(server.host, server.port, path, image)
        address = server.host, server.port
        work = partial(keep_busy, address, request, callers=count, seconds=seconds)
        return callers.submit(work).result()

    return {
        Scenario(work.name, count): partial(load, work.path, count)
        for work in asked
        for count in work.callers
    }
