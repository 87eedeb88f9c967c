"""What Vitrine's extras bring: a package that is missing is told with the way to install it."""

from __future__ import annotations

from importlib import import_module

from service.errors import PackageMissing

ENGINE = "onnxruntime"


def not_installed(package: str, wanted: str) -> str:
    """Say that a package is missing, and what pip has to install."""
    return f"{package} is not installed; run pip install {wanted}"


def missing(package: str, extra: str) -> PackageMissing:
    """Give the error that names a package and the extra that brings it."""
    return PackageMissing(not_installed(package, f"'vitrine[{extra}]'"))


def missing_engine() -> PackageMissing:
    """Give the error of an installation without an engine, which one of two extras brings."""
    wanted = "'vitrine[cpu]', or 'vitrine[gpu]' for an NVIDIA GPU"
    return PackageMissing(not_installed(ENGINE, wanted))


def need(extra: str, *packages: str) -> None:
    """Check that packages can be imported. Raises PackageMissing, naming the extra to install."""
    for package in packages:
        try:
            import_module(package)
        except ImportError as error:
            raise missing(error.name or package, extra) from error
