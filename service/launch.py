"""Puts a supervisor in the place of the command: `vitrine serve --workers N`.

By the time the command knows its settings it has numpy and onnxruntime in its memory. The
supervisor needs neither, so the process starts anew as one that never imports them.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from service.budget import cpu_budget, threads_of_a_worker
from service.errors import InvalidParameter, VitrineError
from service.listener import listen
from service.logs import configure_logging
from service.shared_folder import METRICS_VARIABLE, VARIABLE, metrics_folder, shared_folder
from service.supervisor import Crew, Supervisor
from service.worker_process import python

if TYPE_CHECKING:
    from service.settings import Settings

SETTINGS_VARIABLE = "VITRINE_WORKER_SETTINGS"  # as JSON, for the supervisor and its workers


def launch(settings: Settings) -> NoReturn:
    """Become the supervisor of `settings.workers` workers; the process keeps its id.

    Raises InvalidParameter where the system cannot hand a connection to another process.
    """
    if sys.platform == "win32":
        raise InvalidParameter("workers: several need a Unix system; leave out --workers")
    os.environ[SETTINGS_VARIABLE] = settings_of_a_worker(settings)
    sys.stdout.flush()
    os.execv(sys.executable, python("service.launch"))  # noqa: S606 - this very package


def settings_of_a_worker(settings: Settings) -> str:
    """Give the settings as JSON, with each worker's share of the CPUs."""
    threads = threads_of_a_worker(settings.threads, settings.workers, cpu_budget().cpus)
    return settings.model_copy(update={"threads": threads}).model_dump_json()


def main() -> NoReturn:
    """Supervise with the settings in the environment; errors end it as they end the command."""
    settings = json.loads(os.environ[SETTINGS_VARIABLE])
    configure_logging(settings["log_level"], settings["log_format"])
    try:
        with listen(settings["host"], settings["port"]) as listener, shared_folder() as folder:
            crew = Crew(
                workers=settings["workers"],
                environment={VARIABLE: str(folder), METRICS_VARIABLE: str(metrics_folder(folder))},
                drain_seconds=settings["drain_seconds"],
                drain_delay_seconds=settings["drain_delay_seconds"],
            )
            supervisor = Supervisor(crew, listener, folder)
            exit_code = supervisor.run()
    except VitrineError as error:
        _exit(f"{error.title}: {error.detail}", error.exit_code)
    if supervisor.failure:
        _exit(supervisor.failure.message, exit_code)
    sys.exit(exit_code)


def _exit(message: str, exit_code: int) -> NoReturn:
    sys.stderr.write(f"vitrine: {message}\n")
    sys.exit(exit_code)
