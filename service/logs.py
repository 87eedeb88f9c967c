"""How log lines are written: as text or as JSON, each with the id of the request it belongs to.

A line never holds content of a picture, a query or a key.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from service.exchange import CURRENT, Exchange

Form = Literal["text", "json"]
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
access_logger = logging.getLogger("vitrine.access")


class ExchangeFilter(logging.Filter):
    """Lets every line pass, and notes on it which request and trace it belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the ids."""
        exchange = CURRENT.get()
        record.ids = _ids(exchange) if exchange else {}
        return True


class JsonFormatter(logging.Formatter):
    """Writes a line as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the object."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
            **getattr(record, "ids", {}),
            **getattr(record, "access", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """Writes a line for people to read; only an exception's stack takes further lines."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line; what could forge another one, or move a terminal's cursor, is escaped."""
        ids = "".join(f" {name}={value}" for name, value in getattr(record, "ids", {}).items())
        message = CONTROL_CHARACTERS.sub(_escaped, record.getMessage())
        line = f"{_time(record)} {record.levelname} {record.name}[{record.process}] {message}{ids}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def log_handler(form: Form, stream: TextIO | None = None) -> logging.Handler:
    """Give a handler that writes lines in this form, to standard error unless told otherwise."""
    handler = logging.StreamHandler(stream)
    handler.addFilter(ExchangeFilter())
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    return handler


def configure_logging(level: str, form: Form) -> None:
    """Write this process's log lines, uvicorn's among them, to standard error."""
    logging.basicConfig(level=level.upper(), handlers=[log_handler(form)])
    access_logger.setLevel(logging.INFO)  # who asks for it gets it, whatever else is left out


def log_access(exchange: Exchange) -> None:
    """Write the line of a request that is over."""
    told: dict[str, Any] = {
        "method": exchange.method,
        "route": exchange.route,
        "status": exchange.status,
        "milliseconds": round(exchange.seconds * 1000, 3),
        "bytes_in": exchange.bytes_in,
        "bytes_out": exchange.bytes_out,
    }
    optional = {
        "reason": exchange.problem,
        "model": exchange.model,
        "key_name": exchange.key_name,
    }
    told |= {name: value for name, value in optional.items() if value}
    access_logger.info(
        "%s", " ".join(f"{name}={value}" for name, value in told.items()), extra={"access": told}
    )


def _ids(exchange: Exchange) -> dict[str, str]:
    ids = {
        "request_id": exchange.request_id,
        "trace_id": exchange.trace_id,
        "span_id": exchange.span_id,
    }
    return {name: value for name, value in ids.items() if value}


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")  # RFC 3339


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
