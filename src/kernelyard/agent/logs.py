"""The agent's log: one event per line with its fields, for people or as JSON.

The standard library does it, so that the process beside kernels stays small.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

_LOGGER = logging.getLogger("kernelyard.agent")


class Log:
    """Writes events with fields; ``bound`` fields stand in every line."""

    __slots__ = ("_bound",)

    def __init__(self, **bound: object) -> None:
        self._bound = bound

    def bind(self, **more: object) -> Log:
        """Return a log that adds ``more`` to every line."""
        return Log(**{**self._bound, **more})

    def info(self, event: str, **fields: object) -> None:
        """Note something that is as it should be."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Note something that somebody may want to look into."""
        self._write(logging.WARNING, event, fields)

    def exception(self, event: str, **fields: object) -> None:
        """Note an exception that nobody expected, with its traceback."""
        self._write(logging.ERROR, event, fields, traceback=True)

    def _write(
        self, level: int, event: str, fields: dict[str, object], *, traceback: bool = False
    ) -> None:
        if _LOGGER.isEnabledFor(level):
            extra = {"fields": {**self._bound, **fields}}
            _LOGGER.log(level, event, extra=extra, exc_info=traceback)


def set_up_logging(*, as_json: bool) -> None:
    """Write the log to stderr."""
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(_JsonLines() if as_json else _Lines())
    root = logging.getLogger()
    root.handlers = [output]
    root.setLevel(logging.INFO)


def _time_of(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _fields_of(record: logging.LogRecord) -> dict[str, object]:
    fields = record.__dict__.get("fields")
    return fields if isinstance(fields, dict) else {}


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {key}={value}" for key, value in _fields_of(record).items())
        line = f"{_time_of(record)} {record.levelname.lower():<7} {record.getMessage()}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "at": _time_of(record),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **_fields_of(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)
