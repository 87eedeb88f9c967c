"""The sessions of one model that are open, each opened when it is first asked for, and once."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Collection
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import onnxruntime

from service.bundle import Bundle, read_bundle
from service.errors import ContractError, ModelNotReady
from service.graphs import GraphName
from service.record import PrecisionName
from service.session import Provider, open_session

logger = logging.getLogger("vitrine")
SHARED_PARAMETERS = 16_000_000  # 64 MB of float32


class SessionKey(NamedTuple):
    """Which session: of a graph, on so many threads, and which of several copies.

    One that is `awake` keeps its threads so between runs.
    """

    graph: GraphName
    threads: int
    copy: int = 0
    awake: bool = False


class Sessions:
    """Opens sessions of a bundle, and keeps them until it is closed.

    Where one is asked for that differs from one that is open only in being awake, that one stands
    in for it, and it is opened meanwhile.
    """

    def __init__(
        self,
        bundle: Bundle,
        provider: Provider,
        precision: PrecisionName,
        cpus: Collection[int] = (),
    ) -> None:
        """Classify in `precision`; the graphs of explanations are always fp32.

        Threads of what is opened meanwhile may run on all `cpus`.
        """
        self._cpus = cpus
        self._bundle = bundle
        self._provider = provider
        self._classify_graph = bundle.contract.classify_graph(precision)
        self._open_ones: dict[SessionKey, onnxruntime.InferenceSession] = {}
        self._begun: set[SessionKey] = set()
        self._is_closed = False
        self._opening = threading.Lock()

    @property
    def opened(self) -> tuple[SessionKey, ...]:
        """Which are open."""
        return tuple(self._open_ones)

    def get(self, key: SessionKey) -> onnxruntime.InferenceSession:
        """Give a session. Raises ContractError or ProviderError, or ModelNotReady when closed."""
        if session := self._open_ones.get(key):
            return session
        if stands_in := self._open_ones.get(key._replace(awake=not key.awake)):
            self._open_meanwhile(key)
            return stands_in
        with self._opening:
            if self._is_closed:
                raise ModelNotReady("the model was closed; try again")
            if key not in self._open_ones:
                self._open_ones[key] = self._open(key)
            return self._open_ones[key]

    def close(self) -> None:
        """Free them, whoever still knows this; what is being opened is not kept."""
        with self._opening:
            self._is_closed = True
            self._open_ones.clear()

    def _open_meanwhile(self, key: SessionKey) -> None:
        """Open a session on a thread, once: nobody waits for it."""
        if key in self._begun:
            return
        self._begun.add(key)
        try:
            threading.Thread(target=self._open_apart, args=(key,), name="opening").start()
        except RuntimeError:
            logger.exception("no thread to open another session of %s", self._bundle.folder)

    def _open_apart(self, key: SessionKey) -> None:
        """Open a session, and offer it once it has run and is of the very files that are served."""
        # who began this may be kept on one CPU just now, where the session's threads would stay
        with suppress(OSError):
            os.sched_setaffinity(0, self._cpus)
        try:
            session = self._open(key)
            self._warm_up(session)
            if read_bundle(self._bundle.folder).digest != self._bundle.digest:
                raise ContractError(f"{self._bundle.folder} holds another model than is served")
        except Exception:  # what stands in for it goes on doing so
            logger.exception("another session of %s cannot be opened", self._bundle.folder)
            return
        with self._opening:
            if not self._is_closed:
                self._open_ones[key] = session

    def _warm_up(self, session: onnxruntime.InferenceSession) -> None:
        size = self._bundle.contract.architecture.image_size
        session.run(["logits"], {"pixel_values": np.zeros((1, 3, *size), np.float32)})

    def _open(self, key: SessionKey) -> onnxruntime.InferenceSession:
        contract = self._bundle.contract
        named = contract.graphs.named
        graph = self._classify_graph if key.graph == "classify" else named[key.graph]
        # a small model's weights are transposed and packed for each session, which is faster by
        # 8 %; so are those of a quantized graph, which it holds itself
        is_large = contract.architecture.parameters >= SHARED_PARAMETERS
        return open_session(
            self._bundle.path(graph.file),
            graph,
            provider=self._provider,
            threads=key.threads,
            shares_weights=is_large and graph in named.values(),
            # a lone image, whose run is on all threads, is done sooner; one thread gains nothing
            plans_memory=key.threads > 1 and key.graph == "classify",
            stays_awake=key.awake,
        )
