"""Opens every bundle as a worker would, in a process of its own, and says what came of it.

The process is another one, so that its memory is a worker's, and so that a graph that kills it, or
a machine that has too little memory for it, does not end the doctor. It finds the settings in its
environment, as a worker does, and writes lines of JSON, each a Check, a Footprint by name, or what
is looked at.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import service.server  # noqa: F401 - the HTTP stack is part of what a worker holds
from service.bundle_folder import find_bundles
from service.contract import GOLDEN_FILE
from service.doctor.check import Check
from service.doctor.footprint import footprint
from service.doctor.precision import precision
from service.engine import Engine
from service.errors import VitrineError
from service.golden import REPLAYS, Golden
from service.launch import SETTINGS_VARIABLE
from service.opening import bundle_opener
from service.registry import Registry
from service.served_model import ServedModel
from service.session import PROVIDER_NAMES
from service.settings import Settings


class Trial:
    """Tries all bundles of a folder; `opened` are those that can be served."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings of one worker, whose threads are a number."""
        self.settings = settings
        self.opened: list[ServedModel] = []

    def bundles(self, folders: list[Path]) -> Iterator[Check]:
        """Open each bundle: digests, golden replay, warm-up; then all of them together."""
        open_bundle = bundle_opener(self.settings, self.settings.threads)
        for folder in folders:
            tell(at=f"opening {folder}")
            try:
                model = open_bundle(folder)
            except Exception as error:  # whatever it is, the other bundles are tried
                yield _refused("bundle", folder, error)
                continue
            self.opened.append(model)
            yield _opened(model)
            yield _session(model.engine)
            yield precision(model, self.settings)
        if len(self.opened) == len(folders):
            yield self._together()

    def _together(self) -> Check:
        registry = Registry(self.settings.default_model)
        try:
            registry.serve(self.opened, lambda model: None)
        except VitrineError as error:
            detail, _, remedy = error.detail.rpartition("; ")
            return Check("models", "error", detail, remedy)
        default = registry.get()
        named = [f"{model.contract.name} {model.contract.version}" for model in registry.models]
        facts = {"models": named, "default": default.contract.name}
        found = f"{', '.join(named)}; {default.contract.name} answers when none is named"
        return Check("models", "ok", found, facts=facts)

    def explanations(self) -> Iterator[Check]:
        """Replay the golden maps and traces of every bundle that could be opened."""
        for model in self.opened:
            tell(at=f"explaining with {model.engine.bundle.folder}")
            try:
                yield _replayed(model.engine)
            except Exception as error:  # whatever it is, the other bundles are tried
                yield _refused("explanations", model.engine.bundle.folder, error)


def _opened(model: ServedModel) -> Check:
    contract, engine = model.contract, model.engine
    facts = {
        "name": contract.name,
        "version": contract.version,
        "digest": model.digest,
        "folder": str(engine.bundle.folder),
        "provider": engine.provider,
    }
    found = (
        f"{contract.name} {contract.version}: digests and golden replay hold, "
        f"{len(contract.labels)} classes, computes on {engine.provider}"
    )
    if not engine.is_fallback:
        return Check("bundle", "ok", found, facts=facts)
    remedy = f"{PROVIDER_NAMES['cuda']} is offered and not used: see CUDA, or set --provider cpu"
    return Check("bundle", "warning", found, remedy, facts)


def _session(engine: Engine) -> Check:
    options = engine.options
    mode = str(options.execution_mode).rpartition("ORT_")[2].lower()
    spinning = options.get_session_config_entry("session.intra_op.allow_spinning") != "0"
    moment = options.get_session_config_entry("session.intra_op.spin_duration_us")
    facts = {"threads": options.intra_op_num_threads, "spinning": spinning, "execution_mode": mode}
    number = options.intra_op_num_threads
    threads = f"{number} thread{'' if number == 1 else 's'}"
    stops = options.get_session_config_entry("session.force_spinning_stop") == "1"
    told = (
        f"for {moment} µs {'within' if stops else 'within and after'} a run" if spinning else "off"
    )
    found = f"{threads}, spinning {told}, execution {mode}"
    return Check("session", "ok", found, facts=facts)


def _replayed(engine: Engine) -> Check:
    contract = engine.bundle.contract
    named = f"{contract.name} {contract.version}"
    golden = Golden.load(engine.bundle.path(GOLDEN_FILE))
    replayed = [graph for graph in REPLAYS if graph in contract.graphs.named]
    for graph in replayed:
        REPLAYS[graph](engine, golden)
    facts = {"name": contract.name, "version": contract.version, "graphs": replayed}
    if not engine.is_explainable:
        detail, _, remedy = engine.how_to_explain.partition("; ")
        return Check("explanations", "warning", detail, remedy, facts)
    if not engine.is_traceable:
        detail, _, remedy = engine.how_to_trace.partition("; ")
        return Check("explanations", "warning", detail, remedy, facts)
    found = f"{named}: the golden numbers of {', '.join(replayed[:-1])} and {replayed[-1]} hold"
    return Check("explanations", "ok", found, facts=facts)


def _refused(topic: str, folder: Path, error: Exception) -> Check:
    if not isinstance(error, VitrineError):
        remedy = "see that the service's user may read it, or export it again"
        return Check(topic, "error", f"{folder} cannot be opened: {error!r}", remedy)
    detail, _, remedy = error.detail.rpartition("; ")
    return Check(topic, "error", detail or remedy, remedy if detail else "export the bundle again")


def tell(**line: object) -> None:
    """Write a line of JSON for the doctor."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Try the bundles with the settings in the environment."""
    trial = Trial(Settings.model_validate_json(os.environ[SETTINGS_VARIABLE]))
    for check in trial.bundles(find_bundles(trial.settings.bundles)):
        tell(check=asdict(check))
    if trial.opened:
        tell(footprint="ready", **asdict(footprint()))
    for check in trial.explanations():
        tell(check=asdict(check))
    if trial.opened:
        tell(footprint="explaining", **asdict(footprint()))
    tell(at="")


if __name__ == "__main__":
    main()
