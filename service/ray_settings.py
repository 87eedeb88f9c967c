"""What the service under Ray Serve is told: the settings, and what a replica takes and how many."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Self

from pydantic import Field, ValidationError, model_validator

from service.errors import InvalidParameter
from service.misfit import misfits
from service.settings import Settings


class RaySettings(Settings):
    """The settings of `vitrine serve`, and those of the replicas.

    Each is an argument of the application, `max_replicas=4`, and a variable,
    `VITRINE_MAX_REPLICAS=4`; the argument wins.
    """

    min_replicas: int = Field(default=1, ge=1, description="Replicas when there is little to do")
    max_replicas: int = Field(default=4, ge=1, description="Replicas under load at most")
    replica_cpus: float = Field(
        default=1, gt=0, description="CPUs that a replica takes; it computes on as many threads"
    )
    replica_gpus: float = Field(default=0, ge=0, description="GPUs that a replica takes")
    target_ongoing_requests: float = Field(
        default=0,
        ge=0,
        description="Requests under way in each replica, on average, beyond which there are more "
        "replicas; by default two for each place that it computes at",
    )
    upscale_delay_seconds: float = Field(
        default=10, ge=0, description="How long there must be too much before there are more"
    )
    downscale_delay_seconds: float = Field(
        default=300, ge=0, description="How long there must be too little before there are fewer"
    )

    @property
    def target(self) -> float:
        """Requests under way at which a replica is busy, and has the next ones at hand.

        It computes on its CPUs and at one place more, which `composition.spare_places` leaves out
        where it has the machine's CPUs for itself; while these are busy, as many requests again
        wait, so that the next batch is there when one ends.
        """
        return self.target_ongoing_requests or 2 * (math.ceil(self.replica_cpus) + 1)

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        wrong = [
            (
                self.min_replicas > self.max_replicas,
                f"min_replicas {self.min_replicas} is more than max_replicas "
                f"{self.max_replicas}; lower the one or raise the other",
            ),
            (
                self.workers > 1,
                f"workers is {self.workers}, but replicas take their place; leave it out and set "
                "max_replicas",
            ),
            (
                self.threads > math.ceil(self.replica_cpus),
                f"threads {self.threads} are more than a replica's CPUs, replica_cpus "
                f"{self.replica_cpus:g}; leave threads at 0 or raise replica_cpus",
            ),
            (
                self.target > self.max_queue,
                f"target_ongoing_requests {self.target:g} is more than a replica takes, max_queue "
                f"{self.max_queue}: there would never be another; lower it or raise max_queue",
            ),
            (
                self.provider == "cuda" and not self.replica_gpus,
                "provider is cuda, but replica_gpus is 0, and Ray hides every GPU from a replica "
                "that takes none; set replica_gpus to 1, or to a share of one",
            ),
        ]
        if found := [message for is_wrong, message in wrong if is_wrong]:
            raise ValueError("; ".join(found))
        return self


def read_settings(arguments: Mapping[str, object]) -> RaySettings:
    """Give the settings of arguments and variables. Raises InvalidParameter with all errors."""
    try:
        return RaySettings(**arguments)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        errors = misfits(error, "arguments")
        raise InvalidParameter("; ".join(map(str, errors)), errors) from None
