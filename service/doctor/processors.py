"""How many CPUs there are to use, and what the service makes of them."""

from __future__ import annotations

from pathlib import Path

from service.budget import cpu_budget, cpu_limits, threads_of_a_worker
from service.cgroup import CGROUP_ROOT, PROCESS_CGROUP
from service.doctor.check import Check
from service.own_cpus import own_cpus
from service.settings import Settings


def processors(
    settings: Settings, cgroup_root: Path = CGROUP_ROOT, process_cgroup: Path = PROCESS_CGROUP
) -> list[Check]:
    """Name every limit, the one that decides, and the workers and threads that follow."""
    limits = cpu_limits(cgroup_root, process_cgroup)
    budget = cpu_budget(cgroup_root, process_cgroup)
    listed = ", ".join(f"{limit.source} {limit.cpus:g}" for limit in limits)
    facts = {
        "cpus": budget.cpus,
        "source": budget.source,
        "limits": [{"source": limit.source, "cpus": limit.cpus} for limit in limits],
    }
    found = f"{budget.cpus} to use, limited by {budget.source}; limits: {listed}"
    return [Check("CPUs", "ok", found, facts=facts), _threads(settings, budget.cpus)]


def _threads(settings: Settings, cpus: int) -> Check:
    threads = threads_of_a_worker(settings.threads, settings.workers, cpus)
    total = threads * settings.workers
    has_own = bool(own_cpus(threads, settings.workers))
    each = f"{threads} CPU thread{'' if threads == 1 else 's'}"
    found = (
        f"1 worker of {each}"
        if settings.workers == 1
        else f"{settings.workers} workers of {each} each"
    )
    if has_own:
        found += ", which have a CPU each"
    facts = {"workers": settings.workers, "threads_of_each": threads, "cpu_for_each": has_own}
    if total <= cpus:
        return Check("threads", "ok", found, facts=facts)
    return Check(
        "threads",
        "warning",
        f"{found} are {total} on {cpus} CPUs, where they wait for each other",
        f"lower --workers, or --threads, to {cpus} in all",
        facts,
    )
