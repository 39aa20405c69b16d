"""Sizes and durations as people write them."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from kernelyard.model.errors import Invalid

Micros = int
"""A point in time: microseconds since 1970-01-01 UTC."""

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")
_SIZE_UNITS = {
    "": 1,
    "b": 1,
    **{
        u: 1024**n
        for n, us in enumerate((("ki", "kib"), ("mi", "mib"), ("gi", "gib"), ("ti", "tib")), 1)
        for u in us
    },
    **{u: 1024**n for n, u in enumerate(("k", "m", "g", "t"), 1)},
    **{u: 1000**n for n, u in enumerate(("kb", "mb", "gb", "tb"), 1)},
}
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|sec|s|min|m|h|d|w)")
_DURATION_UNITS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "sec": Decimal(1),
    "m": Decimal(60),
    "min": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86_400),
    "w": Decimal(604_800),
}
_LARGEST_SIZE = 2**63 - 1
_LARGEST_SECONDS = 10 * 366 * 86_400


def parse_size(value: str | int, *, field: str) -> int:
    """Return bytes from ``1Gi``, ``512MiB``, ``4g``, ``1.5 GB`` or a plain number.

    ``k m g t`` and ``Ki Mi Gi Ti`` (with or without ``B``) are powers of 1024, ``kB MB GB TB`` powers
    of 1000. Raises Invalid.
    """
    if isinstance(value, bool):
        raise _bad_size(value, field)
    if isinstance(value, int):
        size = value
    else:
        match = _SIZE.fullmatch(value)
        unit = _SIZE_UNITS.get(match[2].lower()) if match else None
        if match is None or unit is None:
            raise _bad_size(value, field)
        size = int(Decimal(match[1]) * unit)
    if not 0 <= size <= _LARGEST_SIZE:
        raise _bad_size(value, field)
    return size


def parse_duration(value: str | float, *, field: str) -> float:
    """Return seconds from ``1h``, ``90s``, ``1h30m``, ``250ms`` or a plain number of seconds.

    Raises Invalid.
    """
    if isinstance(value, bool):
        raise _bad_duration(value, field)
    seconds = float(value) if isinstance(value, int | float) else _duration_text(value, field)
    if not 0 <= seconds <= _LARGEST_SECONDS:
        raise _bad_duration(value, field)
    return seconds


def _duration_text(value: str, field: str) -> float:
    text = value.strip().lower()
    try:
        return float(Decimal(text))
    except (InvalidOperation, ValueError, OverflowError):
        pass
    total, rest = Decimal(0), text
    while rest:
        match = _DURATION_PART.match(rest)
        if match is None:
            raise _bad_duration(value, field)
        total += Decimal(match[1]) * _DURATION_UNITS[match[2]]
        rest = rest[match.end() :].lstrip()
    if not text:
        raise _bad_duration(value, field)
    return float(total)


def _bad_size(value: object, field: str) -> Invalid:
    return Invalid(
        f"'{field}' is {str(value)[:80]!r}; write a size as bytes or with a unit, "
        "such as 1073741824, '1Gi', '512MiB' or '4g'.",
        field=field,
    )


def _bad_duration(value: object, field: str) -> Invalid:
    return Invalid(
        f"'{field}' is {str(value)[:80]!r}; write a duration as seconds or with units, "
        "such as 90, '90s', '1h' or '1h30m'.",
        field=field,
    )
