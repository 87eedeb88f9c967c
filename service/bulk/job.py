"""What is to be done with every picture: the model, and what is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from service.bundle import Bundle
from service.decoding import ImageLimits
from service.errors import ContractError, NotExplainable
from service.record import PrecisionName
from service.session import Provider


@dataclass(frozen=True)
class Told:
    """What is told of a picture beside its classes' probabilities."""

    top_k: int = 5
    embedding: bool = False
    relevance: bool = False


@dataclass(frozen=True)
class Job:
    """All that a worker must know; it passes to other processes and machines.

    `bundle` is a folder that they all see, and `digest` that of its contract.
    """

    bundle: Path
    digest: str
    told: Told
    provider: Provider = "auto"
    precision: PrecisionName = "fp32"
    threads: int = 1
    limits: ImageLimits = field(default_factory=ImageLimits)

    def check(self, bundle: Bundle) -> None:
        """Check that a bundle is the one meant, and can do it.

        Raises ContractError where it is another or has no graph in that precision, NotExplainable
        where relevance is asked for and it has no graph of explanations.
        """
        if bundle.digest != self.digest:
            raise ContractError(
                f"{bundle.folder} is {bundle.digest} here and {self.digest} where the command "
                "runs; copy the same bundle to every machine"
            )
        bundle.contract.classify_graph(self.precision)
        if self.told.relevance and not bundle.contract.graphs.explain_all:
            raise NotExplainable(
                f"model {bundle.contract.name} {bundle.contract.version} has no graphs of "
                "explanations; leave out --relevance, or export it again with them"
            )
