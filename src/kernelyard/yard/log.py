"""Log events of the yard: names with fields, not prose."""

from __future__ import annotations

import logging

_log = logging.getLogger("kernelyard.yard")


def event(name: str, *, level: int = logging.INFO, **fields: str | float | None) -> None:
    """Log the event ``name`` with ``fields``."""
    _log.log(level, name, extra={"fields": fields})


def failure(name: str, error: BaseException, **fields: str | float | None) -> None:
    """Log an unexpected error with its traceback."""
    _log.error(name, exc_info=error, extra={"fields": fields})
