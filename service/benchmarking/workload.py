"""What a benchmark asks for, of a bare loop and of a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from service.contract import Contract
from service.errors import InvalidParameter
from service.explanation.methods import METHODS
from service.explanation.question import ExplainOptions

FIVE = 5


@dataclass(frozen=True)
class Work:
    """What is asked of a picture: its classes, or an explanation.

    `is_plain` decodes every pixel with Pillow first, which only a bare loop does.
    """

    name: str
    options: ExplainOptions | None = None
    callers: tuple[int, ...] = (1,)
    is_plain: bool = False

    @property
    def path(self) -> str:
        """The path and query that ask a server for it."""
        if self.options is None:
            return "/classify"
        asked = self.options.model_dump(exclude_defaults=True)
        return f"/explain?{urlencode(asked, doseq=True)}"


CLASSIFY = Work("classify", callers=(1, 8, 32))
PLAIN = Work("classify after a plain decode", is_plain=True)


def works(contract: Contract, is_explainable: bool) -> list[Work]:
    """List what a model can be asked: classify, and every method where it explains."""
    if not is_explainable:
        return [CLASSIFY]
    several = [str(index) for index in range(min(FIVE, len(contract.labels)))]
    methods = [Work(name, ExplainOptions(method=name)) for name in METHODS if name != "relevance"]
    return [
        CLASSIFY,
        Work("relevance", ExplainOptions(method="relevance"), callers=(1, 8)),
        Work(
            f"relevance, {len(several)} classes",
            ExplainOptions(method="relevance", target=several),
        ),
        *methods,
        Work("its faithfulness", ExplainOptions(method="relevance", faithfulness=True)),
    ]


def chosen_works(offered: Sequence[Work], only: Sequence[str]) -> list[Work]:
    """Choose works by name, classify always. Raises InvalidParameter, naming those there are."""
    names = [work.name for work in offered]
    if unknown := [name for name in only if name not in names]:
        raise InvalidParameter(f"no work {', '.join(unknown)}; there are {', '.join(names)}")
    return [work for work in offered if not only or work.name in (*only, CLASSIFY.name)]
