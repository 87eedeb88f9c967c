"""Every Prometheus metric that the service exports, in one place."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """The metrics of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "vitrine_requests", "Requests answered", ("route", "code"), registry=self.registry
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
        self.rejected = Counter(
            "vitrine_rejected", "Requests refused, by problem", ("reason",), registry=self.registry
        )
        self.in_flight = Gauge(
            "vitrine_requests_in_flight", "Requests being answered", registry=self.registry
        )
        self.queue_depth = Gauge(
            "vitrine_queue_depth",
            "What waits for the engine: images, or passes in the lane study",
            ("lane",),
            registry=self.registry,
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
            "Images by the class predicted",
            ("model", "label"),
            registry=self.registry,
        )
        self.model_info = Gauge(
            "vitrine_model_info",
            "1 for each model served",
            ("name", "version", "digest", "provider", "precision"),
            registry=self.registry,
        )
        self.reloads = Counter(
            "vitrine_reloads",
            "Reloads of a model, by outcome: succeeded or refused",
            ("model", "outcome"),
            registry=self.registry,
        )

    def exposition(self) -> bytes:
        """Give all metrics in the Prometheus text format."""
        return generate_latest(self.registry)
