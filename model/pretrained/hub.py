"""Fetches the needed files of a model on the Hugging Face Hub, where there is a network."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from service.errors import InvalidInput, PackageMissing
from service.extra import not_installed

NAME = re.compile(
    r"(?P<scheme>hf-hub:|hf_hub:|https://huggingface\.co/)?"
    r"(?P<repository>[\w][\w.-]*/[\w.-]+?)(?:@(?P<revision>[\w./-]+))?/?"
)


@dataclass(frozen=True)
class HubName:
    """A model on the Hub, `owner/name`, at a branch, tag or commit; None is its main branch."""

    repository: str
    revision: str | None

    @property
    def shown(self) -> str:
        """The name as it is given on the command line."""
        return self.repository + (f"@{self.revision}" if self.revision else "")


def hub_name(name: str) -> HubName | None:
    """Read `OWNER/NAME`, `hf-hub:OWNER/NAME` and either with `@REVISION`; None for all else."""
    found = NAME.fullmatch(name)
    return HubName(found["repository"], found["revision"]) if found else None


def downloaded(hub: HubName, choose: Callable[[list[str]], list[str]]) -> Path:
    """Give the folder with the files that `choose` takes of those that the model has.

    Files lie in the Hub's own cache and are fetched once. Raises PackageMissing where its package
    is not installed, InvalidInput where there is no network or no such model.
    """
    try:
        from huggingface_hub import HfApi, snapshot_download
    except ModuleNotFoundError as error:
        told = not_installed(str(error.name), "'vitrine[train]'")
        raise PackageMissing(
            f"{hub.shown} is no file or folder here, and cannot be fetched from the Hub: {told}, "
            "or give a local folder"
        ) from error
    try:
        information = HfApi().model_info(hub.repository, revision=hub.revision)
        files = [sibling.rfilename for sibling in information.siblings or []]
        folder = snapshot_download(
            hub.repository, revision=information.sha, allow_patterns=choose(files)
        )
    except Exception as error:  # its errors are those of several packages, by version
        first_line = str(error).strip().partition("\n")[0]
        raise InvalidInput(
            f"{hub.shown} is no file or folder here, and the Hub did not give it: "
            f"{type(error).__name__}: {first_line}; check the name, log in with 'hf auth login' if "
            "the model asks for it, or fetch its files where there is a network and give the folder"
        ) from None
    return Path(folder)
