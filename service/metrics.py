"""Every Prometheus metric that the service exports, in one place.

A gauge states how the values of several workers become one: `livesum` or `livemax`.
"""

from __future__ import annotations

import os
import platform
from functools import cache
from typing import Any

import onnxruntime
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from service import __version__
from service.errors import CallerGone
from service.exchange import Exchange
from service.tally import Tally, Tell

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
CONFIDENCES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1)
SEVERAL_PROCESSES = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own variable


class Metrics:
    """The metrics of one application.

    Labels take values from bounded sets alone: routes, codes, problems, stages, lanes, and the
    names and classes of the models served. Never a path, a key or anything else that callers send.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._is_of_several = SEVERAL_PROCESSES in os.environ
        self._tally = Tally()
        self.under_way = 0  # requests being answered
        self.registry.register(self._tally)
        self.exposed = self.registry  # one of several workers exposes the sum of all instead
        self.requests = Counter(
            "vitrine_requests",
            "Requests answered; the reason is the problem, or empty where there was none",
            ("route", "code", "reason"),
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "vitrine_request_seconds",
            "Time from a request's headers to its answer's last byte",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.stage_seconds = Histogram(
            "vitrine_stage_seconds",
            "Time in a stage of a request: read, decode, queue, inference, explain, study, encode",
            ("stage",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.batch_size = Histogram(
            "vitrine_batch_size",
            "Images run together, or passes in the lane study",
            ("lane",),
            buckets=BATCH_SIZES,
            registry=self.registry,
        )
        self.batch_padding = Counter(
            "vitrine_batch_padding_images",
            "Empty places run to fill a batch up to an allowed size",
            ("lane",),
            registry=self.registry,
        )
        self.rejected = Counter(
            "vitrine_rejected", "Requests refused, by problem", ("reason",), registry=self.registry
        )
        self.callers_gone = Counter(
            "vitrine_callers_gone",
            "Requests whose caller left before the answer",
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "vitrine_requests_in_flight",
            "Requests being answered",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.queue_depth = Gauge(
            "vitrine_queue_depth",
            "What waits for the engine: images, or passes in the lane study",
            ("lane",),
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.queue_limit = Gauge(
            "vitrine_queue_limit",
            "What may wait for one model: images, or passes in the lane study",
            ("lane",),
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.queued_bytes = Gauge(
            "vitrine_queued_bytes",
            "Bytes of request bodies held, over all routes",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.passes = Counter(
            "vitrine_passes",
            "Passes through the graphs of explanations; many-pass ones go by the lane study",
            ("lane",),
            registry=self.registry,
        )
        self.explanations = Counter(
            "vitrine_explanations",
            "Images explained, by method",
            ("model", "method", "faithfulness"),
            registry=self.registry,
        )
        self.predicted = Counter(
            "vitrine_predicted",
            "Images by the class predicted: one series for each class of the model's contract",
            ("model", "label"),
            registry=self.registry,
        )
        self.confidence = Histogram(
            "vitrine_confidence",
            "Probability of the class predicted",
            ("model",),
            buckets=CONFIDENCES,
            registry=self.registry,
        )
        self.cache_requests = Counter(
            "vitrine_cache_requests",
            "Questions to the result cache: hit, miss, or shared with one under way",
            ("outcome",),
            registry=self.registry,
        )
        self.cache_bytes = Gauge(
            "vitrine_cache_bytes",
            "Bytes of results kept in the result cache",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.ready = Gauge(
            "vitrine_ready",
            "1 while requests are answered, 0 while loading or draining",
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.model_info = Gauge(
            "vitrine_model_info",
            "1 for each model served",
            ("name", "version", "digest", "provider", "precision"),
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.provider_fallback = Gauge(
            "vitrine_provider_fallback",
            "1 where a model is computed on the CPU although CUDA is offered",
            ("model",),
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.reloads = Counter(
            "vitrine_reloads",
            "Reloads of a model, by outcome: succeeded or refused",
            ("model", "outcome"),
            registry=self.registry,
        )
        self.build_info = Gauge(
            "vitrine_build_info",
            "1, with the versions that run",
            ("version", "python", "onnxruntime"),
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        # Tells metrics something by the time that anybody looks at them. Of several processes one
        # looks at the files of all, and knows nothing of what they keep.
        self.later = _at_once if self._is_of_several else self._tally.add
        # what every request needs: the library would look each of them up anew, under a lock
        self.stage = cache(self.stage_seconds.labels)
        self.lane_batch_size = cache(self.batch_size.labels)
        self.lane_padding = cache(self.batch_padding.labels)
        self.request_count = cache(self.requests.labels)
        self.route_seconds = cache(self.request_seconds.labels)
        self.prediction = cache(self.predicted.labels)
        self.model_confidence = cache(self.confidence.labels)
        self.rejection = cache(self.rejected.labels)
        versions = (__version__, platform.python_version(), onnxruntime.__version__)
        self.build_info.labels(*versions).set(1)
        if not self._is_of_several:  # it would tell of whichever process is asked
            ProcessCollector(registry=self.registry)

    def note_batch(self, lane: str, images: int, size: int) -> None:
        """Count a batch of so many images, which ran as one of `size`."""
        self.later(self._tell_batch, lane, images, size)

    def note_prediction(self, model: str, label: str, probability: float) -> None:
        """Count an image by the class that a model predicted."""
        self.later(self._tell_prediction, model, label, probability)

    def note_stage(self, name: str, seconds: float) -> None:
        """Count a stage of no request, or of one that has ended."""
        self.later(self._tell_stage, name, seconds)

    def note_request(self, exchange: Exchange) -> None:
        """Count a request that has ended, with its stages."""
        self.later(self._tell_request, exchange)
        self._tally.tell_if_many()

    def _tell_batch(self, lane: str, images: int, size: int) -> None:
        self.lane_batch_size(lane).observe(images)
        self.lane_padding(lane).inc(size - images)

    def _tell_prediction(self, model: str, label: str, probability: float) -> None:
        self.prediction(model, label).inc()
        self.model_confidence(model).observe(probability)

    def _tell_stage(self, name: str, seconds: float) -> None:
        self.stage(name).observe(seconds)

    def _tell_request(self, exchange: Exchange) -> None:
        for stage in exchange.stages:
            self._tell_stage(stage.name, stage.seconds)
        self.request_count(exchange.route, str(exchange.status), exchange.problem).inc()
        self.route_seconds(exchange.route).observe(exchange.seconds)
        if exchange.problem == CallerGone.slug:
            self.callers_gone.inc()
        elif exchange.problem:
            self.rejection(exchange.problem).inc()

    def exposition(self) -> bytes:
        """Give all metrics in the Prometheus text format."""
        return generate_latest(self.exposed)


def _at_once(tell: Tell, *told: Any) -> None:  # noqa: ANN401 - whatever `tell` takes
    tell(*told)
