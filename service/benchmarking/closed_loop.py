"""Callers that each send their next request when the last was answered."""

from __future__ import annotations

import socket
import time

from service.benchmarking.connection import Address
from service.benchmarking.sample import Sample
from service.benchmarking.traffic import Traffic

ANSWER_SECONDS = 60.0  # who got no answer for so long gets none


def keep_busy(
    address: Address,
    request: bytes,
    *,
    callers: int,
    seconds: float,
    connect_each: bool = False,
) -> Sample:
    """Let `callers` send a request again and again for `seconds`, then wait for the last answers.

    Connections stay open, or each request has one of its own (`connect_each`). A caller whose
    connection breaks connects again; one that cannot reach the server any longer leaves. Raises
    OSError when nobody listens at the address to begin with.
    """
    socket.create_connection(address, ANSWER_SECONDS).close()
    with Traffic(address, request, connect_each=connect_each) as traffic:
        started = time.perf_counter()
        for _ in range(callers):
            traffic.ask(time.perf_counter())
        while traffic.waiting:
            ended = traffic.wait(ANSWER_SECONDS)
            if ended is None:
                traffic.give_up("no answer", traffic.waiting)
                break
            for _ in range(ended):
                now = time.perf_counter()
                if now - started < seconds:
                    traffic.ask(now)
        return traffic.sample(time.perf_counter() - started)
