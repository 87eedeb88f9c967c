"""Ray on this machine for the tests: a real head node, proxy, controller and replicas."""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.untraced import untraced

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 200
SECONDS = {
    # between what replicas and proxies tell the autoscaler
    "RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "1",
    "RAY_SERVE_HANDLE_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "1",
    # until a proxy is given up: a busy machine imports it in more than Ray's own 5
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "50",
    "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "50",
}


@dataclass(frozen=True)
class Cluster:
    """A running Ray and the address of its proxy."""

    address: str
    process: subprocess.Popen[str]
    folder: Path

    def deploy(self, name: str, prefix: str = "/", **arguments: object) -> str:
        """Deploy an application, wait until it is ready, and give its address."""
        self.order(deploy=name, prefix=prefix, arguments=arguments)
        return self.address + prefix.rstrip("/")

    def order(self, **order: object) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_SECONDS)
        assert ready, f"{order} is not done after {PATIENCE_SECONDS} s"
        answer = json.loads(self.process.stdout.readline() or '{"error": "the process ended"}')
        assert not answer, answer["error"]

    def processes(self, kind: str) -> list[int]:
        """Give the ids of this Ray's processes whose command line has `kind` in it."""
        return [
            int(folder.name)
            for folder in Path("/proc").glob("[0-9]*")
            if kind in _read(folder / "cmdline") and str(self.folder) in _read(folder / "environ")
        ]


def counted(address: str, name: str, **labels: str) -> float:
    """Sum the samples of a metric with these labels, over all replicas."""
    found = samples(address, name)
    return sum(one.value for one in found if labels.items() <= one.labels.items())


def ready_replicas(address: str) -> set[str]:
    """Give the replicas that say in the metrics that they are ready."""
    return {one.labels["replica"] for one in samples(address, "vitrine_ready") if one.value}


def samples(address: str, name: str) -> list[Sample]:
    text = httpx.get(f"{address}/metrics", timeout=PATIENCE_SECONDS).text
    families = text_string_to_metric_families(text)
    return [one for family in families for one in family.samples if one.name == name]


@contextmanager
def ray_cluster(folder: Path) -> Iterator[Cluster]:
    """Start Ray, and shut it down after the block; `folder` takes its files.

    Ray's sockets lie below its folder, and a socket's path may have 107 bytes, so the folder goes
    by a shorter name.
    """
    with tempfile.TemporaryDirectory(prefix="ray-") as short, socket.socket() as probe:
        (link := Path(short) / "r").symlink_to(folder)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        with (folder / "stderr").open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.service.ray_process", str(port), str(link)],
                cwd=ROOT,
                env={**untraced(), **SECONDS, "HOME": str(folder), "RAY_TMPDIR": str(link)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        cluster = Cluster(f"http://127.0.0.1:{port}", process, link)
        try:
            yield cluster
        finally:
            process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, (folder / "stderr").read_text()
        assert not cluster.processes("")


def _read(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:  # the process has ended
        return ""
