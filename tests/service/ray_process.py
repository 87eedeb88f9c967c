"""The process that starts Ray for the tests: told what to deploy, one JSON object a line.

It answers each line with one of its own, `{}` or `{"error": ...}`, and shuts Ray down when there
are no more.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import ray
from ray import serve

from service.ray_serve import app


def main() -> None:
    port, temporary_folder = int(sys.argv[1]), sys.argv[2]
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # Ray prints what it thinks worth knowing
    ray.init(
        num_cpus=8,  # counted by Ray alone: the replicas share what the machine has
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=80_000_000,
        _temp_dir=temporary_folder,
    )
    serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})
    for line in sys.stdin:
        try:
            obey(json.loads(line))
            answer: dict[str, Any] = {}
        except Exception as error:  # the test is told
            answer = {"error": f"{error} {told_of_deployments()}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    serve.shutdown()
    ray.shutdown()


def obey(order: dict[str, Any]) -> None:
    if "delete" in order:
        serve.delete(order["delete"])
        return
    serve.run(app(order["arguments"]), name=order["deploy"], route_prefix=order["prefix"])


def told_of_deployments() -> list[str]:
    """What `serve status` says beside the states."""
    return [
        deployment.message
        for application in serve.status().applications.values()
        for deployment in application.deployments.values()
    ]


if __name__ == "__main__":
    main()
