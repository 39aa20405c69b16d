"""Sizes: ``1Gi``, ``1500k``, ``0``."""

from __future__ import annotations

import re

from kernelyard.compat.h2o_notebook.exception import InvalidArgumentException

_QUANTITY = re.compile(r"([0-9]+)(k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?")
_FACTORS: dict[str, int] = {
    **{unit: 1000**power for power, unit in enumerate(("k", "M", "G", "T", "P"), 1)},
    **{unit: 1024**power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi"), 1)},
}
_LARGEST_FIRST = sorted(_FACTORS.items(), key=lambda one: -one[1])


def quantity_to_number(quantity: str) -> int:
    """Return bytes. Raises InvalidArgumentException."""
    match = _QUANTITY.fullmatch(quantity)
    if match is None:
        raise InvalidArgumentException(
            f"{quantity!r} is no size. Write a whole number of bytes, or one with a unit of "
            f"{', '.join(_FACTORS)}, such as '512Mi' or '1Gi'."
        )
    return int(match[1]) * _FACTORS.get(match[2], 1)


def number_to_quantity(number: int) -> str:
    """Return bytes with the largest unit that leaves a whole number."""
    for unit, factor in _LARGEST_FIRST:
        if number and number % factor == 0:
            return f"{number // factor}{unit}"
    return str(number)
