"""Makes rows of encoded pictures, with a verified model in this process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from service.bulk.job import Job
from service.bulk.reader import Picture
from service.bulk.rows import Outcome, Row, rows_of
from service.bulk.stretch import Name
from service.bundle import read_bundle
from service.classify import rankings
from service.contract import GOLDEN_FILE
from service.decoding import ImageLimits, decode_in_calling_thread
from service.engine import Arrays, Engine, Floats, failures
from service.errors import InferenceFailed, VitrineError
from service.explanation.inquiry import Inquiry, answer
from service.explanation.passes import run_passes_apart
from service.explanation.question import Question
from service.golden import Golden, replay_classify, replay_explain
from service.precision import choose_precision
from service.preprocess import preprocess

RELEVANCE = Question(method="relevance")  # of the predicted class, as `POST /explain` has it


class Classifier:
    """An engine that makes rows.

    Invariant: each graph that it uses passes the golden replay before it answers, as in a server.
    """

    def __init__(self, job: Job) -> None:
        """Open the model. Raises ContractError, ProviderError and NotExplainable."""
        decode_in_calling_thread()
        bundle = read_bundle(job.bundle)
        job.check(bundle)
        self._job = job
        self._contract = bundle.contract
        self._engine, _ = choose_precision(
            job.precision,
            lambda name: Engine(bundle, provider=job.provider, threads=job.threads, precision=name),
            max_batch_size=1,
        )
        golden = Golden.load(bundle.path(GOLDEN_FILE))
        replay_classify(self._engine, golden, ImageLimits())
        if job.told.relevance:
            replay_explain(self._engine, golden)

    def rows(self, names: Sequence[Name], pictures: Sequence[Picture]) -> pa.RecordBatch:
        """Classify pictures as one batch; what is bad gives a row that says why.

        Raises InferenceFailed where the engine fails for all.
        """
        ready = [self._pixel_values(picture) for picture in pictures]
        good = [values for values in ready if not isinstance(values, VitrineError)]
        found = iter(self._found(np.stack(good)) if good else [])
        outcomes: list[Outcome] = [
            one if isinstance(one, VitrineError) else next(found) for one in ready
        ]
        return rows_of(names, outcomes, self._job.told, self._contract)

    def _pixel_values(self, picture: Picture) -> Floats | VitrineError:
        if isinstance(picture, VitrineError):
            return picture
        try:
            return preprocess(picture, self._contract.preprocessing, self._job.limits)[1]
        except VitrineError as error:
            return error

    def _found(self, pixel_values: Floats) -> list[Outcome]:
        inputs = {"pixel_values": pixel_values}
        outputs = self._engine.run("classify", inputs, ("logits", "readout"))
        logits, readout = outputs["logits"], outputs["readout"]
        failed = failures(outputs, len(logits))
        rows = map(Row, rankings(logits, failed), readout)
        found: list[Outcome] = [failure or row for failure, row in zip(failed, rows, strict=True)]
        if not self._job.told.relevance:
            return found
        maps = self._relevance(pixel_values)
        return [_with_relevance(*both) for both in zip(found, maps, strict=True)]

    def _relevance(self, pixel_values: Floats) -> list[Floats | InferenceFailed]:
        inquiries = [Inquiry(values, RELEVANCE, self._contract) for values in pixel_values]
        passes = [one for inquiry in inquiries for one in inquiry.needed]  # one each
        results = run_passes_apart(self._engine, passes, len(passes))
        return [_scores(*both) for both in zip(inquiries, results, strict=True)]


def _scores(inquiry: Inquiry, result: Arrays | InferenceFailed) -> Floats | InferenceFailed:
    if isinstance(result, InferenceFailed):
        return result
    return answer(inquiry, lambda _: [result]).maps[0].scores


def _with_relevance(found: Outcome, scores: Floats | InferenceFailed) -> Outcome:
    if isinstance(found, VitrineError):
        return found
    return scores if isinstance(scores, VitrineError) else replace(found, relevance=scores)
