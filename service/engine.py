"""Runs a bundle's graphs with onnxruntime.

The engine takes and gives arrays; it knows no pictures and no HTTP.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from service.bundle import Bundle
from service.errors import InferenceFailed, NotExplainable, NotTraceable
from service.graphs import GraphName
from service.other_programs import OtherPrograms
from service.record import PrecisionName
from service.session import PROVIDER_NAMES, Provider, providers
from service.sessions import SHARED_PARAMETERS, SessionKey, Sessions

Floats = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]  # the tensors of a run, by name


@dataclass(frozen=True)
class Classification:
    """What `classify.onnx` gives: logits [B, C] and the readout [B, d] behind them."""

    logits: Floats
    readout: Floats


class Engine:
    """The sessions of one bundle on one device.

    Invariant: a session's inputs and outputs are those that the contract states, and it runs on the
    provider that `provider` names. The sessions of explanations are opened on first use.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        provider: Provider = "auto",
        threads: int,
        precision: PrecisionName = "fp32",
        others: OtherPrograms | None = None,
    ) -> None:
        """Open the classify session with `threads` for the arithmetic, which is in `precision`.

        The graphs of explanations are always fp32. While `others` leave the CPUs, threads that
        classify together stay awake between runs; where none are given they never do. Raises
        ContractError when the graph is not the contract's or the bundle has none in that precision,
        ProviderError when `cuda` was asked for and is not what onnxruntime uses.
        """
        self.bundle = bundle
        self.threads = threads
        self.precision = precision
        self._asked = provider
        computes_here = providers(provider) == [PROVIDER_NAMES["cpu"]]
        self._others = others if threads > 1 and computes_here else None
        if self._others:
            self._others.users.add(self)
        cpus = self._others.cpus if self._others else ()
        self._sessions = Sessions(bundle, provider, precision, cpus)
        awake = self._others is not None and self._others.leave_cpus
        opened = self._sessions.get(SessionKey("classify", threads, awake=awake))
        self._provider = cast(str, opened.get_providers()[0])
        self._own = threading.local()
        self._turn = count()

    @property
    def provider(self) -> str:
        """The execution provider that the classify session really uses."""
        return self._provider

    @property
    def options(self) -> onnxruntime.SessionOptions:
        """The options that the classify session really has."""
        return self._session("classify", self.threads).get_session_options()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape of an image's pixel values: (3, rows, columns)."""
        return (3, *self.bundle.contract.architecture.image_size)

    @property
    def is_on_cpu(self) -> bool:
        """Whether the CPU computes."""
        return self.provider == PROVIDER_NAMES["cpu"]

    @property
    def is_fallback(self) -> bool:
        """Whether the CPU computes although this onnxruntime offers CUDA and was free to use it."""
        offered = PROVIDER_NAMES["cuda"] in onnxruntime.get_available_providers()
        return self._asked == "auto" and offered and self.provider != PROVIDER_NAMES["cuda"]

    @property
    def is_explainable(self) -> bool:
        """Whether the bundle has the graphs of explanations."""
        return self.bundle.contract.graphs.explain_all

    @property
    def how_to_explain(self) -> str:
        """Say what a bundle without the graphs of explanations lacks, and how it gets them."""
        contract = self.bundle.contract
        if contract.merging:
            return f"model {contract.name} {contract.version} {contract.merging.why_unexplained}"
        return (
            f"model {contract.name} {contract.version} has no graphs of explanations, explain and "
            f"attend; in the folder of bundles, add them with 'vitrine-model export "
            f"{contract.name}/{contract.version} --name {contract.name} --version NEW -o .', and "
            "serve that"
        )

    @property
    def is_traceable(self) -> bool:
        """Whether the bundle has the graph of traces."""
        return self.bundle.contract.graphs.trace is not None

    @property
    def how_to_trace(self) -> str:
        """Say what a bundle without the graph of traces lacks, and how it gets it."""
        contract = self.bundle.contract
        if contract.merging:
            return f"model {contract.name} {contract.version} {contract.merging.why_unexplained}"
        return (
            f"model {contract.name} {contract.version} has no graph of traces; in the folder of "
            f"bundles, add it with 'vitrine-model add-trace {contract.name}/{contract.version}', "
            "and reload the model"
        )

    def classify(self, pixel_values: Floats, threads: int | None = None) -> Classification:
        """Classify pixel values [B, 3, rows, columns], with all threads or with so many.

        Raises what `run` raises, and InferenceFailed when a number is not finite.
        """
        inputs = {"pixel_values": pixel_values}
        outputs = self.run("classify", inputs, ("logits", "readout"), threads)
        check_finite(outputs)
        return Classification(outputs["logits"], outputs["readout"])

    def run(
        self,
        graph: GraphName,
        inputs: Arrays,
        outputs: Sequence[str],
        threads: int | None = None,
    ) -> Arrays:
        """Run a graph and give the outputs asked for, by name.

        It runs on all threads, or on `threads`, for which it has a session of its own; several
        callers may run the same one side by side. On a GPU there is one session for all.

        Raises NotExplainable or NotTraceable where the bundle has no such graph, InferenceFailed
        when onnxruntime fails. Numbers that are not finite are the caller's to find: they may be of
        one image.
        """
        return _run(self._session(graph, threads), list(outputs), inputs)

    def close(self) -> None:
        """Free the sessions, whoever still knows the engine; nothing runs it now, or later."""
        self._sessions.close()
        if self._others:
            self._others.users.discard(self)

    def is_open(self, graph: GraphName) -> bool:
        """Whether a graph's session was opened."""
        return any(key.graph == graph for key in self._sessions.opened)

    @property
    def copies(self) -> int:
        """How many sessions classify on one thread each: as many as threads, of a small model.

        A session gives a run the memory that the last one gave back. Where that was on another CPU,
        its cache has what is in there, and a run takes up to a quarter longer.
        """
        parameters = self.threads * self.bundle.contract.architecture.parameters
        return self.threads if self.is_on_cpu and parameters < SHARED_PARAMETERS else 1

    @contextmanager
    def on_copy(self, number: int) -> Iterator[None]:
        """Classify, in the calling thread and on one, with that of the `copies`."""
        self._own.copy = number
        try:
            yield
        finally:
            del self._own.copy

    def _copy(self) -> int:
        """Give the calling thread's copy: threads take turns, and each stays with its own."""
        if not hasattr(self._own, "copy"):
            self._own.copy = next(self._turn) % self.copies
        return int(self._own.copy)

    def _session(self, name: GraphName, threads: int | None) -> onnxruntime.InferenceSession:
        number = threads if threads and self.is_on_cpu else self.threads
        copy, awake = 0, False
        if name == "classify" and number == 1:
            copy = self._copy()
        elif name == "classify" and self._others:
            awake = self._others.leave_cpus
        elif name != "classify":
            self._check_has(name)
        return self._sessions.get(SessionKey(name, number, copy, awake))

    def _check_has(self, graph: GraphName) -> None:
        if graph in self.bundle.contract.graphs.named:
            return
        if graph == "trace":
            raise NotTraceable(self.how_to_trace)
        raise NotExplainable(self.how_to_explain)


def _run(session: onnxruntime.InferenceSession, names: list[str], inputs: Arrays) -> Arrays:
    try:
        outputs = dict(zip(names, session.run(names, inputs), strict=True))
    except Exception as error:  # onnxruntime's errors share no public base class
        raise InferenceFailed(f"the engine failed: {error}") from error
    return outputs


def failures(outputs: Arrays, images: int) -> list[InferenceFailed | None]:
    """Say of each of so many images, the first rows of `outputs`, whether its numbers failed."""
    try:
        check_finite(outputs)  # of all at once, since hardly ever one is not
    except InferenceFailed:
        return [
            _failure({name: rows[row] for name, rows in outputs.items()}) for row in range(images)
        ]
    return [None] * images


def _failure(outputs: Arrays) -> InferenceFailed | None:
    try:
        check_finite(outputs)
    except InferenceFailed as failure:
        return failure
    return None


def check_finite(outputs: Arrays) -> None:
    """Refuse numbers that mean nothing. Raises InferenceFailed, naming the output."""
    for name, output in outputs.items():
        if not np.isfinite(output).all():
            raise InferenceFailed(
                f"the engine gave numbers in {name} that are not finite; "
                "the model overflows for this picture"
            )
