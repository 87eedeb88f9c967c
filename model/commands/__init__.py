"""What `vitrine-model` can be told to do: a class for each command, its fields are the flags."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field

PROGRAM = "vitrine-model"

# flags that several commands have
Output = Annotated[
    Path,
    Field(validation_alias=AliasChoices("o", "output"), description="Folder of bundles"),
]
Data = Annotated[
    list[str], Field(description="Data sources, as for train; may be given several times")
]
Part = Annotated[
    Literal["test", "validation", "train"], Field(description="Which part of the data to take")
]
