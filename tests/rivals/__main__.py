"""Measures Vitrine beside other model servers: python -m tests.rivals

All serve the same float graph on this machine and do the same work: decode, resize, normalise,
infer with onnxruntime, answer the five best classes. Everything is measured in one run and in
turns. docs/benchmarks.md, "Beside other servers", says how each is set up, and why that is fair.

The rivals' environments are made on first use, each with the versions that its requirements pin,
and so are the two bundles with random weights, which takes minutes. It needs a machine that does
nothing else.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from service.benchmarking.load_process import load_process
from service.benchmarking.machine import this_machine
from service.benchmarking.pictures import Picture, small_png, usual_jpeg
from service.budget import cpu_budget
from service.output_file import write_output
from tests.rivals.bundle import SMALL, TINY, bundle
from tests.rivals.contender import RIVALS, VITRINE, Contender
from tests.rivals.environment import NotInstalled
from tests.rivals.measurement import Bench
from tests.rivals.report import Report, picture_report, versions_of

ENVIRONMENTS = Path("runs/rivals")


@dataclass(frozen=True)
class Case:
    """A picture, and the bundle that is served for it."""

    picture: Callable[[], Picture]
    bundle: str


CASES = {"png": Case(small_png, SMALL), "jpeg": Case(usual_jpeg, TINY)}


def measure(arguments: argparse.Namespace) -> Report:
    """Install, then measure picture by picture."""
    asked = [rival for rival in RIVALS if not arguments.only or rival.key in arguments.only]
    rivals, left_out = installed(asked, arguments.environments)
    contenders = [VITRINE, *rivals]
    bundles = arguments.environments / "bundles"
    folders = {name: bundle(CASES[name].bundle, bundles) for name in arguments.pictures}
    machine = this_machine(cpu_budget().cpus)
    reports = []
    with load_process() as load:
        for name, folder in folders.items():
            bench = Bench(
                bundle=folder,
                picture=CASES[name].picture(),
                environments=arguments.environments,
                load=load,
                callers=arguments.callers,
                rounds=arguments.rounds,
                seconds=arguments.seconds,
                progress=progress,
            )
            found = bench.measure(contenders)
            reports.append(picture_report(str(bench.picture), folder.parent.name, found))
    return Report(
        machine=machine,
        rounds=arguments.rounds,
        seconds=arguments.seconds,
        versions=versions_of(contenders),
        left_out=left_out,
        pictures=reports,
    )


def installed(
    rivals: Sequence[Contender], environments: Path
) -> tuple[list[Contender], dict[str, str]]:
    """Make the environments; give those that can be measured, and why others cannot."""
    found: list[Contender] = []
    left_out: dict[str, str] = {}
    for rival in rivals:
        progress(f"environment of {rival.name}")
        try:
            rival.install(environments)
        except NotInstalled as error:
            left_out[rival.name] = f"its environment cannot be made here: {error}"
            progress(f"{rival.name} is left out: {error}")
        else:
            found.append(rival)
    return found, left_out


def progress(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> None:
    """Print tables; progress goes to standard error."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.rivals",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    keys = [rival.key for rival in RIVALS]
    parser.add_argument("--only", nargs="+", choices=keys, help="rivals; all if none is named")
    parser.add_argument("--rounds", type=int, default=3, help="how often all is measured, in turns")
    parser.add_argument(
        "--seconds", type=float, default=1.5, help="how long each measurement takes"
    )
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--pictures", nargs="+", choices=[*CASES], default=[*CASES])
    parser.add_argument(
        "--environments",
        type=Path,
        default=ENVIRONMENTS,
        help="folder of the rivals' environments, and of the bundles (runs/rivals)",
    )
    parser.add_argument("--output", type=Path, help="JSON file to write as well")
    arguments = parser.parse_args()
    report = measure(arguments)
    if arguments.output:
        write_output(arguments.output, (json.dumps(asdict(report), indent=2) + "\n").encode())
    sys.stdout.write(f"{report}\n")


if __name__ == "__main__":
    main()
