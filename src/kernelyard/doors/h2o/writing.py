"""Values as this dialect writes them."""

from __future__ import annotations

from datetime import UTC, datetime

from kernelyard.model.quantities import Micros

_EPOCH_MICROS = 1_000_000


def time(at: Micros) -> str:
    """Return a time with microseconds and ``Z``."""
    seconds, micros = divmod(at, _EPOCH_MICROS)
    whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{micros:06}Z"


def time_or_none(at: Micros | None) -> str | None:
    """The same for a time that has not come yet: null, in the few fields that may be."""
    return None if at is None else time(at)


def duration(seconds: float | None) -> str:
    """Return seconds such as ``3600s`` or ``0.5s``; no limit is ``0s``."""
    value = seconds or 0.0
    return f"{int(value)}s" if value == int(value) else f"{value:.9f}".rstrip("0") + "s"


def int64(number: int) -> str:
    """Return a number of bytes: as text, for a JSON number would be refused."""
    return str(number)
