"""Opens a graph with onnxruntime: on which device, with what options, and whether it is the one.

Nothing is run here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import onnxruntime

from service.errors import ContractError, ErrorDetail, ProviderError
from service.graphs import GraphSpec

Provider = Literal["auto", "cpu", "cuda"]
PROVIDER_NAMES = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
LOG_ERRORS_ONLY = 3
SPIN_MICROSECONDS = 20
AWAKE_MICROSECONDS = 2000  # past what there is to do between two pictures of a lone caller


def open_session(
    path: Path,
    graph: GraphSpec,
    *,
    provider: Provider,
    threads: int,
    shares_weights: bool,
    plans_memory: bool,
    stays_awake: bool = False,
) -> onnxruntime.InferenceSession:
    """Open a graph's file on the provider asked for, with `threads` for one run's arithmetic.

    `shares_weights` reads the weights where they lie, in place of a copy that is packed for this
    session. `plans_memory` keeps, for each batch size that it meets on a CPU, where its tensors
    lie: one allocation a run. A session that `stays_awake` is faster where no other program wants
    the CPUs, and slower beside one. Raises ContractError when it cannot be opened or is not the
    graph stated, ProviderError when `cuda` was asked for and is not what onnxruntime uses.
    """
    wanted = providers(provider)
    plans_memory = plans_memory and wanted == [PROVIDER_NAMES["cpu"]]
    try:
        session = onnxruntime.InferenceSession(
            str(path),
            sess_options=_options(threads, shares_weights, plans_memory, stays_awake),
            providers=wanted,
            disabled_optimizers=["ConstantFolding"] if shares_weights else [],
        )
    except Exception as error:  # onnxruntime's errors share no public base class
        raise ContractError(f"{path} cannot be opened: {error}; export the bundle again") from error
    if provider == "cuda" and session.get_providers()[0] != PROVIDER_NAMES["cuda"]:
        raise ProviderError(
            "provider cuda was asked for, but onnxruntime fell back to "
            f"{session.get_providers()[0]}; check the driver and the CUDA libraries"
        )
    _check_graph(session, graph)
    return session


def providers(asked: Provider) -> list[str]:
    """Name those that onnxruntime is to use, the first one first. Raises ProviderError."""
    available = onnxruntime.get_available_providers()
    cpu, cuda = PROVIDER_NAMES["cpu"], PROVIDER_NAMES["cuda"]
    if asked == "cuda" and cuda not in available:
        raise ProviderError(
            "provider cuda was asked for, but this onnxruntime offers only "
            f"{', '.join(available)}; with an NVIDIA GPU, install the extra gpu in place of cpu"
        )
    return [cuda, cpu] if asked != "cpu" and cuda in available else [cpu]


def _options(
    threads: int, shares_weights: bool, plans_memory: bool, stays_awake: bool
) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.enable_mem_pattern = plans_memory
    options.log_severity_level = LOG_ERRORS_ONLY
    _spin(options, threads, stays_awake)
    if shares_weights:
        options.add_session_config_entry("session.disable_prepacking", "1")
    return options


def _spin(options: onnxruntime.SessionOptions, threads: int, stays_awake: bool) -> None:
    """Let threads look for their next part of a run for a moment before they sleep.

    Parts follow each other within microseconds, and to wake a thread takes longer: a lone run is a
    fifth faster. Threads that look for longer take the CPU from who else has work on the machine,
    and there a run lasts half as long again; so between runs they sleep, unless they are to stay
    awake.
    """
    microseconds = AWAKE_MICROSECONDS if stays_awake else SPIN_MICROSECONDS
    entries = {
        "session.intra_op.allow_spinning": str(int(threads > 1)),
        "session.intra_op.spin_duration_us": str(microseconds),
        "session.force_spinning_stop": str(int(not stays_awake)),
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
