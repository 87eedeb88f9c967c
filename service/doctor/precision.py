"""Which number formats a bundle offers, what was measured through each, and which one serves."""

from __future__ import annotations

from service.doctor.check import Check
from service.record import Precision
from service.served_model import ServedModel
from service.settings import Settings


def precision(model: ServedModel, settings: Settings) -> Check:
    """Name them all, with the accuracy that is on record."""
    contract = model.contract
    offered = "; ".join(f"{name} {_accuracy(one)}" for name, one in contract.precisions.items())
    facts = {
        "name": contract.name,
        "version": contract.version,
        "asked": settings.precision,
        "used": model.precision.name,
        "speedup": model.precision.speedup,
        "offered": {name: one.model_dump() for name, one in contract.precisions.items()},
    }
    found = f"{contract.name} {contract.version}: {model.precision}; the bundle offers {offered}"
    return Check("precision", "ok", found, facts=facts)


def _accuracy(measured: Precision) -> str:
    if measured.top1 is None:
        return "(accuracy not on record)"
    return f"({measured.top1:.2%} top-1 of {measured.images:,} images)"
