"""Looks at everything that may keep `vitrine serve` from serving well, in the order it matters."""

from __future__ import annotations

from service.budget import cpu_budget, threads_of_a_worker
from service.doctor.access import access
from service.doctor.bounds import bounds
from service.doctor.check import Check
from service.doctor.chosen import chosen
from service.doctor.folder import folder
from service.doctor.memory import memory
from service.doctor.processors import processors
from service.doctor.providers import providers
from service.doctor.reach import reach
from service.doctor.traces import traces
from service.doctor.trial_process import Tried, try_bundles
from service.doctor.versions import builds, versions
from service.memory_budget import memory_limits
from service.settings import Settings


def examine(settings: Settings) -> list[Check]:
    """Give all checks for a service that would start with these settings, on this machine."""
    found = [
        versions(),
        *builds(),
        *chosen(settings),
        *processors(settings),
        *providers(settings.provider),
        *folder(settings.bundles),
    ]
    has_bundles = not any(check.topic == "bundles" and check.status == "error" for check in found)
    tried = try_bundles(settings) if has_bundles else Tried()
    threads = threads_of_a_worker(settings.threads, settings.workers, cpu_budget().cpus)
    return [
        *found,
        *tried.checks,
        *memory(settings, threads, memory_limits(), tried.memory),
        *bounds(settings),
        *reach(settings),
        *access(settings),
        *traces(),
    ]
