"""Runs a command line the same way for `vitrine` and `vitrine-model`: errors become exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from pydantic import ValidationError
from pydantic_settings import BaseSettings, CliApp

from service.errors import ErrorDetail, InvalidParameter, VitrineError
from service.misfit import misfit

INTERRUPTED = 130
NOBODY_READS = 141  # as a shell tells of a program that SIGPIPE ended


def run(command: type[BaseSettings], program: str, arguments: Sequence[str] | None) -> None:
    """Run a command line; errors print title and detail and exit with their class's code."""
    try:
        CliApp.run(command, cli_args=list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except ValidationError as error:
        end(program, _invalid(error))
    except VitrineError as error:
        end(program, error)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # of `vitrine doctor | head`; the interpreter flushes once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(NOBODY_READS)


def _invalid(error: ValidationError) -> InvalidParameter:
    errors = [
        ErrorDetail(_option(item["loc"]), _wrong(item)) for item in error.errors(include_url=False)
    ]
    return InvalidParameter("; ".join(map(str, errors)), errors)


def _option(path: Sequence[object]) -> str:
    return str(path[-1]).replace("_", "-") if path else "options"


def _wrong(item: Mapping[str, Any]) -> str:
    return "it is required; --help tells what it is" if item["type"] == "missing" else misfit(item)


def end(program: str, error: VitrineError) -> NoReturn:
    """Print an error's title and detail, and exit with its class's code."""
    sys.stderr.write(f"{program}: {error.title}: {error.detail}\n")
    sys.exit(error.exit_code)
