"""Packages that only some commands need: what is missing is told with the way to install it."""

from __future__ import annotations

from importlib import import_module

from service.errors import VitrineError


class PackageMissing(VitrineError):
    """A package that this command needs is not installed."""

    slug, title, exit_code = "package-missing", "Package missing", 69


def need(extra: str, *packages: str) -> None:
    """Check that packages can be imported. Raises PackageMissing, naming the extra to install."""
    for package in packages:
        try:
            import_module(package)
        except ImportError as error:
            raise PackageMissing(
                f"the package {package} is not there ({error}); "
                f"add it with: pip install 'vitrine[{extra}]'"
            ) from None
