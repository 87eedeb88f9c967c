"""Runs a bundle's graphs with onnxruntime.

The engine takes and gives arrays; it knows no pictures and no HTTP.
B images, T targets for each image, n patches, N tokens, L blocks, H heads, d width, C classes.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from service.contract import Bundle, GraphSpec
from service.errors import (
    ContractError,
    ErrorDetail,
    InferenceFailed,
    NotExplainable,
    ProviderError,
)

Floats = NDArray[np.float32]
Provider = Literal["auto", "cpu", "cuda"]
PROVIDER_NAMES = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
LOG_ERRORS_ONLY = 3


@dataclass(frozen=True)
class Classification:
    """What `classify.onnx` gives: logits [B, C] and the readout [B, d] behind them."""

    logits: Floats
    readout: Floats


@dataclass(frozen=True)
class Attribution:
    """What `explain.onnx` gives, from which every map is made.

    logits [B, C]; attention [B, L, H, N, N]; its gradient [B, T, L, H, N, N].
    """

    logits: Floats
    attention: Floats
    attention_gradient: Floats

    def of_image(self, index: int) -> Attribution:
        """Give one image's share, without the first axis."""
        return Attribution(
            self.logits[index], self.attention[index], self.attention_gradient[index]
        )


class Engine:
    """The sessions of one bundle on one device.

    Invariant: a session's inputs and outputs are those that the contract states, and it runs on the
    provider that `provider` names. The explain session is opened on first use.
    """

    def __init__(self, bundle: Bundle, *, provider: Provider = "auto", threads: int) -> None:
        """Open the classify session with `threads` for the arithmetic.

        Raises ContractError when the graph is not the contract's, ProviderError when `cuda` was
        asked for and is not what onnxruntime uses.
        """
        self.bundle = bundle
        self.threads = threads
        self._asked = provider
        self._classify = self._open(bundle.contract.graphs.classify)
        self._explain: onnxruntime.InferenceSession | None = None
        self._explain_lock = threading.Lock()

    @property
    def provider(self) -> str:
        """The execution provider that the classify session really uses."""
        return cast(str, self._classify.get_providers()[0])

    @property
    def is_fallback(self) -> bool:
        """Whether the CPU computes although this onnxruntime offers CUDA and was free to use it."""
        offered = PROVIDER_NAMES["cuda"] in onnxruntime.get_available_providers()
        return self._asked == "auto" and offered and self.provider != PROVIDER_NAMES["cuda"]

    @property
    def is_explainable(self) -> bool:
        """Whether the bundle has an explain graph."""
        return self.bundle.contract.graphs.explain is not None

    def classify(self, pixel_values: Floats) -> Classification:
        """Classify pixel values [B, 3, rows, columns].

        Raises InferenceFailed when onnxruntime fails or a number is not finite.
        """
        outputs = _run(self._classify, ["logits", "readout"], {"pixel_values": pixel_values})
        return Classification(*outputs)

    def explain(
        self, pixel_values: Floats, logit_weights: Floats, keep: Floats | None = None
    ) -> Attribution:
        """Attribute `logit_weights . logits` to attention.

        `logit_weights` [B, T, C]: one-hot for a class, a difference of two for one class rather
        than another, all zero for the predicted class. `keep` [B, n] is 0 for patches to remove.

        Raises NotExplainable, and InferenceFailed when onnxruntime fails or a number is not finite.
        """
        if keep is None:
            patches = self.bundle.contract.architecture.patches
            keep = np.ones((len(pixel_values), patches), np.float32)
        inputs = {"pixel_values": pixel_values, "logit_weights": logit_weights, "keep": keep}
        names = ["logits", "attention", "attention_gradient"]
        return Attribution(*_run(self._explain_session(), names, inputs))

    def _explain_session(self) -> onnxruntime.InferenceSession:
        graph = self.bundle.contract.graphs.explain
        if graph is None:
            raise NotExplainable(
                f"model {self.bundle.contract.name} has no explain graph; "
                "export its checkpoint again with 'vitrine-model export'"
            )
        with self._explain_lock:
            if self._explain is None:
                self._explain = self._open(graph)
            return self._explain

    def _open(self, graph: GraphSpec) -> onnxruntime.InferenceSession:
        path = self.bundle.path(graph.file)
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
                str(path), sess_options=self._options(), providers=wanted
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

    def _options(self) -> onnxruntime.SessionOptions:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.enable_mem_pattern = False  # it keeps a plan, and its memory, for every batch size
        options.log_severity_level = LOG_ERRORS_ONLY
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return options


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
        listed = "; ".join(f"{item.pointer}: {item.detail}" for item in errors)
        raise ContractError(f"{graph.file} is not the graph of the contract: {listed}", errors)


def _same_shape(stated: tuple[int | str, ...], real: list[int | str | None]) -> bool:
    return len(stated) == len(real) and all(
        isinstance(size, str) != isinstance(found, int) and (isinstance(size, str) or size == found)
        for size, found in zip(stated, real, strict=True)
    )


def _run(
    session: onnxruntime.InferenceSession, names: list[str], inputs: dict[str, Floats]
) -> list[Floats]:
    try:
        outputs = cast(list[Floats], session.run(names, inputs))
    except Exception as error:  # onnxruntime's errors share no public base class
        raise InferenceFailed(f"the engine failed: {error}") from error
    for name, output in zip(names, outputs, strict=True):
        if not np.isfinite(output).all():
            raise InferenceFailed(
                f"the engine gave numbers in {name} that are not finite; "
                "the model overflows for this picture"
            )
    return outputs
