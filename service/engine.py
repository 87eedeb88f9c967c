"""Runs a bundle's graphs with onnxruntime.

The engine takes and gives arrays; it knows no pictures and no HTTP.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from service.bundle import Bundle
from service.errors import (
    ContractError,
    ErrorDetail,
    InferenceFailed,
    NotExplainable,
    NotTraceable,
    ProviderError,
)
from service.graphs import GraphSpec
from service.record import PrecisionName

Floats = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]  # the tensors of a run, by name
Provider = Literal["auto", "cpu", "cuda"]
GraphName = Literal["classify", "explain", "attend", "trace"]
PROVIDER_NAMES = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
LOG_ERRORS_ONLY = 3
SPIN_MICROSECONDS = "20"
SHARED_PARAMETERS = 16_000_000  # 64 MB of float32


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
    ) -> None:
        """Open the classify session with `threads` for the arithmetic, which is in `precision`.

        The graphs of explanations are always fp32. Raises ContractError when the graph is not the
        contract's or the bundle has none in that precision, ProviderError when `cuda` was asked for
        and is not what onnxruntime uses.
        """
        self.bundle = bundle
        self.threads = threads
        self.precision = precision
        self._asked = provider
        self._classify = self._open(bundle.contract.classify_graph(precision), threads)
        self._sessions = {("classify", threads): self._classify}
        self._opening = threading.Lock()

    @property
    def provider(self) -> str:
        """The execution provider that the classify session really uses."""
        return cast(str, self._classify.get_providers()[0])

    @property
    def options(self) -> onnxruntime.SessionOptions:
        """The options that the classify session really has."""
        return self._classify.get_session_options()

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

    @property
    def shares_weights(self) -> bool:
        """Whether sessions, of this process and others, read the weights file where it lies.

        A small model's weights are transposed and packed for each session, which is faster by 8 %;
        so are those of a quantized graph, which it holds itself.
        """
        return self.bundle.contract.architecture.parameters >= SHARED_PARAMETERS

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

    def is_open(self, graph: GraphName) -> bool:
        """Whether a graph's session was opened."""
        return any(name == graph for name, _ in self._sessions)

    def _session(self, name: GraphName, threads: int | None) -> onnxruntime.InferenceSession:
        key = name, threads if threads and self.is_on_cpu else self.threads
        if session := self._sessions.get(key):
            return session
        with self._opening:
            if key not in self._sessions:
                self._sessions[key] = self._open(self._graph(name), key[1])
            return self._sessions[key]

    def _graph(self, name: GraphName) -> GraphSpec:
        contract = self.bundle.contract
        if name == "classify":
            return contract.classify_graph(self.precision)
        graph = contract.graphs.named.get(name)
        if graph is None and name == "trace":
            raise NotTraceable(self.how_to_trace)
        if graph is None:
            raise NotExplainable(self.how_to_explain)
        return graph

    def _open(self, graph: GraphSpec, threads: int) -> onnxruntime.InferenceSession:
        path = self.bundle.path(graph.file)
        shares_weights = self.shares_weights and graph in self.bundle.contract.graphs.named.values()
        available = onnxruntime.get_available_providers()
        wanted = [PROVIDER_NAMES["cpu"]]
        if self._asked == "cuda" or (self._asked == "auto" and PROVIDER_NAMES["cuda"] in available):
            wanted.insert(0, PROVIDER_NAMES["cuda"])
        if self._asked == "cuda" and PROVIDER_NAMES["cuda"] not in available:
            raise ProviderError(
                "provider cuda was asked for, but this onnxruntime offers only "
                f"{', '.join(available)}; with an NVIDIA GPU, install the extra gpu in place of cpu"
            )
        try:
            session = onnxruntime.InferenceSession(
                str(path),
                sess_options=self._options(threads, shares_weights),
                providers=wanted,
                disabled_optimizers=["ConstantFolding"] if shares_weights else [],
            )
        except Exception as error:  # onnxruntime's errors share no public base class
            raise ContractError(
                f"{path} cannot be opened: {error}; export the bundle again"
            ) from error
        if self._asked == "cuda" and session.get_providers()[0] != PROVIDER_NAMES["cuda"]:
            raise ProviderError(
                "provider cuda was asked for, but onnxruntime fell back to "
                f"{session.get_providers()[0]}; check the driver and the CUDA libraries"
            )
        _check_graph(session, graph)
        return session

    def _options(self, threads: int, shares_weights: bool) -> onnxruntime.SessionOptions:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.enable_mem_pattern = False  # it keeps a plan, and its memory, for every batch size
        options.log_severity_level = LOG_ERRORS_ONLY
        _spin_briefly(options, threads)
        if shares_weights:
            options.add_session_config_entry("session.disable_prepacking", "1")
        return options


def _spin_briefly(options: onnxruntime.SessionOptions, threads: int) -> None:
    """Let threads look for their next part of a run for a moment before they sleep.

    Parts follow each other within microseconds, and to wake a thread takes longer: a lone run is a
    fifth faster. Threads that look for longer take the CPU from who else has work on the machine,
    and there a run lasts twice as long; between runs they sleep.
    """
    entries = {
        "session.intra_op.allow_spinning": str(int(threads > 1)),
        "session.intra_op.spin_duration_us": SPIN_MICROSECONDS,
        "session.force_spinning_stop": "1",
    }
    for name, value in entries.items():
        options.add_session_config_entry(name, value)


def _check_graph(session: onnxruntime.InferenceSession, graph: GraphSpec) -> None:
    errors = []
    for kind, stated, real in (
        ("inputs", graph.inputs, session.get_inputs()),
        ("outputs", graph.outputs, session.get_outputs()),
    ):
        found = {tensor.name: tensor for tensor in real}
        for spec in stated:
            tensor = found.get(spec.name)
            if tensor is None:
                errors.append(ErrorDetail(f"{kind}/{spec.name}", f"not among {sorted(found)}"))
            elif not _same_shape(spec.shape, tensor.shape):
                errors.append(
                    ErrorDetail(
                        f"{kind}/{spec.name}",
                        f"the contract says {list(spec.shape)}, the graph {tensor.shape}",
                    )
                )
    if errors:
        listed = "; ".join(map(str, errors))
        raise ContractError(f"{graph.file} is not the graph of the contract: {listed}", errors)


def _same_shape(stated: tuple[int | str, ...], real: list[int | str | None]) -> bool:
    return len(stated) == len(real) and all(
        isinstance(size, str) != isinstance(found, int) and (isinstance(size, str) or size == found)
        for size, found in zip(stated, real, strict=True)
    )


def _run(session: onnxruntime.InferenceSession, names: list[str], inputs: Arrays) -> Arrays:
    try:
        outputs = dict(zip(names, session.run(names, inputs), strict=True))
    except Exception as error:  # onnxruntime's errors share no public base class
        raise InferenceFailed(f"the engine failed: {error}") from error
    return outputs


def check_finite(outputs: Arrays) -> None:
    """Refuse numbers that mean nothing. Raises InferenceFailed, naming the output."""
    for name, output in outputs.items():
        if not np.isfinite(output).all():
            raise InferenceFailed(
                f"the engine gave numbers in {name} that are not finite; "
                "the model overflows for this picture"
            )
