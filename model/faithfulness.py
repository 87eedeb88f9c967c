"""Measures how faithful every method's maps are on a data set, as the service would answer.

Every method that is served, a random order and torch's own gradients times attention explain the
predicted class of the same images; then patches go in the order of each map. Two sanity checks
(Adebayo et al., NeurIPS 2018): a map must change when the weights are shuffled, and differ between
classes. An interrupted measurement goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from model.checkpoint import weights_metadata
from model.gradient_attention import GradientAttention
from model.side_by_side import side_by_side
from model.sources import Picture
from service.bundle import Bundle
from service.contract import WEIGHTS_FILE
from service.engine import Engine, Floats
from service.errors import VitrineError
from service.explanation.faithfulness import (
    MapFaithfulness,
    both_orders,
    faithfulness_of,
    measure_orders,
)
from service.explanation.inquiry import Explanation, Inquiry, answer
from service.explanation.methods import METHODS
from service.explanation.passes import Pass, run_passes
from service.explanation.question import Question
from service.explanation.removal import PatchRemover, Removal
from service.preprocess import fit, pixel_values

SANITY_IMAGES = 100  # the first: they are asked of another class and of shuffled weights too
PASSES_TOGETHER = 32
RANDOM = "random"

logger = logging.getLogger(__name__)
Progress = Callable[[int, int], None]
Row = dict[str, dict[str, float]]  # of one image: figures by method


@dataclass(frozen=True)
class Plan:
    """What is measured: how many images, how patches are removed, points on each curve, seed.

    `default_among` says which methods may become the default: all, or those of one run.
    """

    part: str = "test"
    images: int = 1000
    removal: Removal = "token"
    steps: int = 10
    seed: int = 0
    default_among: Literal["all", "quick"] = "all"


class FaithfulnessStudy:
    """Measures one bundle, an image on each of `threads` cores at a time.

    Invariant: `file` holds one line for each image that was measured, in the plan's order.
    """

    def __init__(
        self, bundle: Bundle, plan: Plan, pictures: Sequence[Picture], threads: int
    ) -> None:
        """Choose the plan's images among `pictures`, and find what was measured of them before."""
        self._bundle = bundle
        order = np.random.default_rng(plan.seed).permutation(len(pictures))
        self._chosen = [pictures[index] for index in order[: plan.images]]
        self._plan = plan
        self._threads = threads
        self._engine = Engine(bundle, provider="auto", threads=1)
        self._reference = GradientAttention(bundle.folder)
        what = (bundle.digest, plan.removal, plan.steps, plan.seed, *METHODS)
        names = (picture.name for picture in self._chosen)
        key = hashlib.sha256(json.dumps([*what, *names]).encode()).hexdigest()[:16]
        self.file = bundle.folder.with_name(f"{_stem(bundle.folder)}{key}.jsonl")

    def rows(self, progress: Progress) -> list[Row]:
        """Measure the images of the plan that are not measured yet, and give every image's row.

        Broken pictures are left out and named in a warning.
        """
        chosen, rows = self._chosen, self._measured()
        progress(len(rows), len(chosen))
        left = range(len(rows), len(chosen))
        one_thread = partial(torch.set_num_threads, 1)
        with tempfile.TemporaryDirectory() as folder, self.file.open("a") as file:
            shuffled = Engine(
                shuffled_bundle(self._bundle, Path(folder), self._plan.seed), threads=1
            )
            measure = partial(self._row, shuffled=shuffled)
            with side_by_side(measure, left, self._threads, one_thread) as measured:
                for row in measured:
                    file.write(json.dumps(row) + "\n")
                    file.flush()
                    rows.append(row)
                    progress(len(rows), len(chosen))
        return [row for row in rows if row]

    def _measured(self) -> list[Row | None]:
        if not self.file.exists():
            return []
        lines = self.file.read_text().splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]  # a kill may cut the last one
        self.file.write_text("".join(whole))
        return [json.loads(line) for line in whole]

    def _row(self, number: int, shuffled: Engine) -> Row | None:
        picture = self._chosen[number]
        rules = self._bundle.contract.preprocessing
        try:
            pixels = pixel_values(fit(picture.decode(rules.size), rules), rules)
        except (VitrineError, OSError) as error:
            logger.warning("left out %s: %s", picture.name, error)
            return None
        logits = self._engine.classify(pixels[None]).logits[0]
        first, second = np.argsort(-logits, kind="stable")[:2].tolist()
        maps, row = self._maps(pixels, (first, second), number, shuffled)
        for name, measured in self._faithfulness(pixels, maps, first).items():
            row[name] = {**figures(measured), **row.get(name, {})}
        return row

    def _maps(
        self, pixels: Floats, targets: tuple[int, int], number: int, shuffled: Engine
    ) -> tuple[dict[str, Floats], Row]:
        """Give the map of the predicted class by each method, and the sanity checks."""
        maps: dict[str, Floats] = {}
        checks: Row = {}
        for method in METHODS.values():
            asked = Question(method.name, targets if number < SANITY_IMAGES else targets[:1])
            own, *others = (one.scores for one in self._explain(self._engine, pixels, asked).maps)
            maps[method.name] = own
            if others:
                asked = Question(method.name, targets[:1])
                (of_shuffled,) = self._explain(shuffled, pixels, asked).maps
                checks[method.name] = {
                    "another_class": rank_correlation(own, others[0]),
                    "randomized_weights": rank_correlation(own, of_shuffled.scores),
                }
        random = np.random.default_rng((self._plan.seed, number))
        maps[RANDOM] = random.random(self._bundle.contract.architecture.grid, np.float32)
        maps |= self._reference.maps(pixels, targets[0])
        return maps, checks

    def _explain(self, engine: Engine, pixels: Floats, asked: Question) -> Explanation:
        run = partial(run_passes, engine, max_batch_size=PASSES_TOGETHER)
        return answer(Inquiry(pixels, asked, self._bundle.contract), run)

    def _faithfulness(
        self, pixels: Floats, maps: dict[str, Floats], target: int
    ) -> dict[str, MapFaithfulness]:
        plan = self._plan
        orders = [order for scores in maps.values() for order in both_orders(scores)]
        remover = PatchRemover(pixels, plan.removal, self._bundle.contract)
        exchange = measure_orders(orders, remover, plan.steps)
        needed: list[Pass] = next(exchange)
        try:
            exchange.send(run_passes(self._engine, needed, PASSES_TOGETHER))
        except StopIteration as finished:
            found = finished.value
        return {
            name: faithfulness_of(scores, target, plan.steps, (), found)
            for name, scores in maps.items()
        }


def unfinished(folder: Path) -> list[Path]:
    """List the files that studies of a bundle left beside it, so that they can go on."""
    return sorted(folder.parent.glob(f"{_stem(folder)}*.jsonl"))


def _stem(folder: Path) -> str:
    return f".{folder.name}-faithfulness-"


def figures(measured: MapFaithfulness) -> dict[str, float]:
    """Give the figures of one map."""
    most = measured.most_relevant_first
    return {
        "delta": measured.delta,
        "insertion": measured.least_relevant_first.area,
        "deletion": most.area,
        "comprehensiveness": measured.comprehensiveness(most),
        "sufficiency": measured.sufficiency(most),
    }


def shuffled_bundle(bundle: Bundle, folder: Path, seed: int) -> Bundle:
    """Write a bundle whose parameters hold the same numbers in another order."""
    random = np.random.default_rng(seed)
    parameters = load_file(bundle.path(WEIGHTS_FILE))
    shuffled = {
        name: random.permutation(values.ravel()).reshape(values.shape)
        for name, values in parameters.items()
    }
    metadata = weights_metadata(bundle.path(WEIGHTS_FILE))  # the file must be laid out the same
    save_file(shuffled, folder / WEIGHTS_FILE, metadata=metadata)
    for graph in bundle.contract.graphs.named.values():
        (folder / graph.file).write_bytes(bundle.path(graph.file).read_bytes())
    return Bundle(folder, bundle.contract, bundle.digest)


def rank_correlation(one: Floats, other: Floats) -> float:
    """Give Spearman's rank correlation of two maps; 0 where one of them is constant."""
    ranks = [_ranks(scores) for scores in (one, other)]
    spreads = [float(values.std()) for values in ranks]
    if min(spreads) == 0:
        return 0.0
    products = (ranks[0] - ranks[0].mean()) * (ranks[1] - ranks[1].mean())
    return float(products.mean() / (spreads[0] * spreads[1]))


def _ranks(scores: Floats) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Rank scores; equal ones share the mean of their ranks."""
    _, place, count = np.unique(scores.ravel(), return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    mean: np.ndarray[Any, np.dtype[np.float64]] = (last - (count - 1) / 2)[place]
    return mean
