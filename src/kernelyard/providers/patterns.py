"""Patterns of text in a schema: whether one speaks of the whole text, and whether a text fits it."""

from __future__ import annotations

import re
from collections.abc import Iterator

_OPENS = {"(": 1, ")": -1}


def is_whole(pattern: str) -> bool:
    """Whether a pattern says what all of a text is: it goes from ``^`` to ``$``, without a way round.

    ``^a|.*$`` has one, and in ``^a\\$`` the last sign means itself.
    """
    if not pattern.startswith("^") or not pattern.endswith("$"):
        return False
    depth = 0
    last = -1
    for place, sign in _bare(pattern):
        depth += _OPENS.get(sign, 0)
        if sign == "|" and depth <= 0:
            return False
        last = place
    return last == len(pattern) - 1


def fits(pattern: str, text: str) -> bool:
    """Whether a text has the pattern. At its end ``$`` means the end, and no newline before it.

    So schemas mean it; Python lets that newline through.
    """
    exact = f"{pattern[:-1]}\\Z" if is_whole(pattern) else pattern
    return re.search(exact, text) is not None


def _bare(pattern: str) -> Iterator[tuple[int, str]]:
    """The signs that are neither escaped nor in a class, with their places."""
    place, size = 0, len(pattern)
    while place < size:
        sign = pattern[place]
        if sign == "\\":
            place += 2
        elif sign == "[":
            place = _end_of_class(pattern, place)
        else:
            yield place, sign
            place += 1


def _end_of_class(pattern: str, place: int) -> int:
    """The place after a class that begins at ``place``."""
    place += 2 if pattern.startswith("[^", place) else 1
    if pattern.startswith("]", place):
        place += 1  # as the first of a class it means itself
    while place < len(pattern) and pattern[place] != "]":
        place += 2 if pattern[place] == "\\" else 1
    return place + 1
