"""Runs `service.doctor.trial` in a process of its own and gathers what it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import dataclass, field

from service.doctor.check import Check
from service.doctor.footprint import Footprint
from service.launch import SETTINGS_VARIABLE, settings_of_a_worker
from service.settings import Settings
from service.worker_process import python


@dataclass
class Tried:
    """What a trial found: its checks, and a worker's memory when `ready` and when `explaining`."""

    checks: list[Check] = field(default_factory=list)
    memory: dict[str, Footprint] = field(default_factory=dict)


def try_bundles(settings: Settings) -> Tried:
    """Open the bundles in another process; if that dies, say at which of them."""
    tried, at = Tried(), "starting"
    with subprocess.Popen(  # noqa: S603 - this very package
        python("service.doctor.trial"),
        env={**os.environ, SETTINGS_VARIABLE: settings_of_a_worker(settings)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            at = _take(json.loads(line), tried, at)
    if at or process.returncode:
        tried.checks.append(_died(process.returncode, at))
    return tried


def _take(line: dict[str, object], tried: Tried, at: str) -> str:
    """Note what a line says; give what is looked at."""
    match line:
        case {"at": str(now)}:
            return now
        case {"check": dict(check)}:
            tried.checks.append(Check(**check))
        case {"footprint": str(name), "own_bytes": int(own), "shared_bytes": int(shared)}:
            tried.memory[name] = Footprint(own, shared)
    return at


def _died(code: int, at: str) -> Check:
    how = f"by {_signal_name(-code)}" if code < 0 else f"with exit code {code}"
    remedy = (
        "it was probably short of memory: serve fewer bundles, or give it more"
        if code == -signal.SIGKILL
        else "look at what it wrote above; a bundle's graph may not fit this onnxruntime"
    )
    facts = {"exit_code": code, "at": at}
    return Check("bundle", "error", f"the process that was {at} ended {how}", remedy, facts)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
