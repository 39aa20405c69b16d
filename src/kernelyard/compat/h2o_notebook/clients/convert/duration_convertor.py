"""Durations: ``1h``, ``90s``, ``2d``."""

from __future__ import annotations

import re

from kernelyard.compat.h2o_notebook.exception import InvalidArgumentException

_DURATION = re.compile(r"([0-9]+)([smhd])")
_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def duration_to_seconds(duration: str) -> int:
    """Return seconds. Raises InvalidArgumentException."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise InvalidArgumentException(
            f"{duration!r} is no duration. Write a whole number with a unit of s, m, h, d, such as "
            "'90s' or '1h'."
        )
    return int(match[1]) * _SECONDS[match[2]]


def seconds_to_duration(seconds: float) -> str:
    """Return whole seconds with the largest unit that leaves a whole number."""
    whole = int(seconds)
    for unit, length in _SECONDS.items():
        if whole and whole % length == 0:
            return f"{whole // length}{unit}"
    return f"{whole}s"
